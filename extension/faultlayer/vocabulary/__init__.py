"""The words of this program: what arrives, what leaves, what may be done, what a fault is.

Plain data without effects. This room imports nothing that acts.
"""
