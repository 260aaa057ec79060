"""Models on a server: `wire` sends, `dialect` writes and reads, `server` asks many, `engine` is the seam.

Others use `opening`. What a server can do is proven in `probing`, and that it is still the same in `canary`.
"""
