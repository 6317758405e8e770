"""One module a page: what it reads, as a view model, and its routes. To add one, write a module with ROUTES and name it in PAGES."""
