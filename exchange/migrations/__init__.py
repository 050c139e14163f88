"""The schemas' histories, of the store in `versions` and of the ledger in `ledger`: one file per released change."""
