"""One module for each page; `ui.page` chooses among them and says what went wrong on any.

Not named `pages`: in a folder of that name Streamlit looks for scripts to run by themselves.
"""
