"""The HTTP interface: routes, wire errors and limits over one `Runner` and one knowledge base."""
