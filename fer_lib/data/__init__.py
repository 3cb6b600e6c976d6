"""FER2013: found, read in each of its forms, or replaced by synthetic faces.

`labels` has the emotions and splits. `discovery` finds the data set, `readers` read it, one module
per form, and `dataset` returns it, aligned by pixel hashes. `ferplus` reads the votes of FER+,
`synthetic` draws faces, and `example_faces` are those that may be shown without FER2013.
"""
