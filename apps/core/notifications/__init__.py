"""Telling people: groups (UIC), their channels, messages that merge instead of storming, and deliveries that last.

    notify(…) → Notification (open: takes in what happens) → released → a NotificationDelivery for each channel → sent

`telling.notify` (`notify_all` for many events at once) writes a row and calls nothing; `release` lets it out, at most
one a minute for each group and matter; `delivery` sends by one channel, in a worker, again and again with longer
pauses. See docs/notifications.md.
"""
