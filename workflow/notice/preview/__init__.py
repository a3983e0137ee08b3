"""A local web page that shows every recipient's mail before any is sent.

It knows no plan, no list and no Google: it shows whatever a `PreviewSource` gives.
"""
