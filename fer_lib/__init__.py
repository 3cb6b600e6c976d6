"""The library behind a reproducible study of facial expression recognition on FER2013."""
