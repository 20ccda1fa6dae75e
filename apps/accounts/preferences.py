"""The cookies that hold a person's wishes where no profile does: signed out, or before they chose."""

THEME_COOKIE = "ocean_theme"
TIME_ZONE_COOKIE = "ocean_tz"
"""Set by static/js/page.js from the browser, so that times are the reader's without asking."""
COOKIE_AGE_S = 365 * 24 * 3600
