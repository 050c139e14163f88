"""The schema's history: one file per released change, run by `exchange.store.migrate`."""
