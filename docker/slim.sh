#!/bin/sh
# Take out of an environment what no command of this package needs: tests and headers of its libraries, parts of Arrow
# for others (Flight, object stores, ORC), and symbols that only a debugger reads. The model that came with the package
# becomes a link to its copy in the image's folder of models.
#
#   slim.sh ENVIRONMENT MODELS
set -eu

site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cd "$site"
rm -rf numba/tests numba/cuda/tests numpy/*/tests numpy/tests numpy/f2py numpy/distutils llvmlite/tests \
    pyarrow/tests pyarrow/include pyarrow/src pyarrow/includes numpy/_core/include numpy/_core/lib \
    numpy/_core/_simd.* numpy/_core/*_tests.* confluent_kafka/schema_registry
for part in flight s3 s3fs gcsfs azurefs hdfs orc parquet_encryption; do
    rm -f pyarrow/libarrow_"$part".* pyarrow/libarrow_python_"$part".* pyarrow/_"$part".* pyarrow/_dataset_"$part".*
done
# every library is there under three names, for the linker and for the loader, which takes the middle one
rm -f pyarrow/libarrow*.so pyarrow/libarrow*.so.*.*.* pyarrow/_pyarrow_cpp_tests.*
find . -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.a' | xargs rm -f
# not what was patched after linking (numpy.libs and its like): it would not load any more
find . -path './*.libs' -prune -o -name '*.so*' -type f -exec strip --strip-unneeded {} +
rm -r morpheus_gae/pretrained/default
ln -s "$2/default" morpheus_gae/pretrained/default
du -sm "$site"
