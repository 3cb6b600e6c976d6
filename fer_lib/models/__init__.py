"""The networks, in Keras 3.

`registry` builds them by name, and says what a new one must fulfill; `custom_cnn` and `mobilenetv2`
have their layers, and `complexity` counts their parameters and multiply-adds.
"""
