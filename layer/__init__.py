"""The recipe of the layer: Debian's own CPython and faultlayer, as a tree that becomes /opt.

Promises the same bytes for the same inputs. Must never need root, nor put anything where the
function's own search paths look (/opt/python, /opt/lib, /opt/bin).
"""
