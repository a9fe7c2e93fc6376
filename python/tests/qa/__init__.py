"""An app of Django's, for the tests."""
