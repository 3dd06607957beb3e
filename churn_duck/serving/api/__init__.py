"""The JSON API: authentication, requests and responses."""
