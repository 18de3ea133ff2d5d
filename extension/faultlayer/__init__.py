"""faultlayer's Lambda extension: a fault-injecting proxy before the Lambda Runtime API.

Standard library only, and little of it: every import here is someone's cold start.
"""

__version__ = "0.1.0"
