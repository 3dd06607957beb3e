"""The JSON API: who may ask, what may be asked, what is answered."""
