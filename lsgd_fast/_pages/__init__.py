"""Reports as pages of HTML in several languages, and sentences that terminals share with them."""
