"""The Model Context Protocol in front of the same services: tools and resources, over HTTP and over standard input.

The SDK takes 0.7 s to import, so `door` alone may be imported by the server's start; it loads the rest when asked.
"""
