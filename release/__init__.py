"""What `make dist` writes beside the layers' zips: the packages, the lists of contents, the sums.

    dist/faultlayer-<arch>.zip  (build.sh)
      |-> dist/faultlayer-<version>.tar.gz             packages.py
      |     `-> dist/faultlayer-<version>-py3-none-any.whl   built from that sdist
      |-> dist/faultlayer-<arch>.cdx.json              contents.py
      `-> dist/SHA256SUMS                              sums.py, over all of these

The same inputs give the same bytes. Times are those of SOURCE_DATE_EPOCH, by default of the last
commit. Nothing here names the machine that it runs on.
"""
