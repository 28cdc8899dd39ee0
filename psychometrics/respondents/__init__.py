"""Who answers. `base` is the protocol; every other module is one way of answering behind it."""
