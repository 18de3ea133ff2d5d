"""faultlayer's layers: built here, published in an account, or wrapped into a package."""
