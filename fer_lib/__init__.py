"""The library behind a reproducible study of facial expression recognition on FER2013."""

import os

# TensorFlow reads these when it is imported, which is after this. Its notes on the machine are no
# news to a reader; and it leaves oneDNN out
# on x86 processors without AVX-512's instructions for neural networks, which train faster in
# float32 with it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
