"""What a maintainer runs on a catalogue: pages, typed functions, differences. Nothing here runs in a product."""
