"""What tests share: real servers, a real browser, and the ways to reach them."""
