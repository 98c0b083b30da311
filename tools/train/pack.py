#!/usr/bin/env python3
"""pack.py OUT USER THRESHOLD DOCUMENT THRESHOLD GATE THRESHOLD: the heads that train.c wrote, with the score above which each
finds, become the file that is linked in (src/detect/injection/injection_model.h says what stands where)."""
import struct
import sys

MAGIC, VERSION = 0x4A495744, 3


def main():
    out, *rest = sys.argv[1:]
    fields, weights = b'', b''
    for path, threshold in zip(rest[::2], rest[1::2]):
        with open(path, 'rb') as f:
            data = f.read()
        buckets, near, far, _, unit = struct.unpack('<5i', data[:20])
        if path == rest[4]:
            lower = round(float(threshold) * unit)
            weights += struct.pack('<2i', near - lower, far - lower) + data[20:]
            break
        fields += struct.pack('<5i', buckets, near, far, round(float(threshold) * unit), unit)
        weights += data[20:]
    with open(out, 'wb') as f:
        f.write(struct.pack('<2I', MAGIC, VERSION) + fields + weights)


if __name__ == '__main__':
    main()
