"""faultlayer's layers: built or carried here, published in an account, or wrapped into a package.

    build.sh, the installed package --> zips and trees --publish--> versions in an account
                                                                     ^-- attach finds the newest
    a deployment zip of an OS-only runtime --wrap_package--> one that starts through the layer

Only a layer that detach would recognise is ever published or attached.
"""
