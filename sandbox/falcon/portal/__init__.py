"""/api/v1 of falcon's api module: `tables` remembers, `binding` reads bodies as gin does, the others are its
controllers.

Source: falcon-plus modules/api/app.
"""
