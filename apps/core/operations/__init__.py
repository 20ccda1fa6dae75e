"""Operations: how every change that leaves the database is asked for, carried out, resumed and ended.

`services` writes the row and ends it, `kinds` is where apps register what their operations do, `runner` is the
worker's side (claim, one step, record), `dispatch` rings the broker's bell.
"""
