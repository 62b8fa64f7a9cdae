"""The chat in the browser: a Streamlit page that knows the service only through its public contract."""
