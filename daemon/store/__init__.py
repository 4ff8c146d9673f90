"""The durable side: tables, the one writer, the reader, migrations."""
