"""Tests the server against the specification with schemathesis: all checks, and all phases including the stateful one.

    python3 -m pip install --target target/schemathesis schemathesis==4.32.5
    PYTHONPATH=target/schemathesis tests/python/run tests/python/specification.py [OPTION OF SCHEMATHESIS...]

The specification is extended first by what the API does, but the published document does not say:

- responses with status 401 and 404, which are errors like the others;
- null as the value of an optional field, which counts as absent: the provider's Python SDK sends it;
- models that are newer than the document: their names are not a closed list;
- links from an operation to the next one, for the stateful phase.

One check is left out, for operations that have rules which their schema does not express, such as "numSpeakers cannot
be combined with minSpeakers": that each request is accepted which matches its schema. `tests/all/server/validation.rs`
tests these rules.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

import yaml

BASE_URL = os.environ["PYANNOTEAI_BASE_URL"]
AUTHORIZATION = "Bearer " + os.environ["PYANNOTEAI_API_KEY"]

SUBMISSIONS = ["diarize", "identify", "voiceprint"]
HAVE_OTHER_RULES = [*SUBMISSIONS, "getMediaUploadURL", "getMediaDownloadURL"]
HAVE_404 = ["getJobById", "getStream", "getMediaDownloadURL"]
REQUESTS = ["DiarizeRequest", "IdentifyRequest", "VoiceprintRequest"]

# From an operation and the status of its response: to an operation, with a parameter or a body from the response.
LINKS = [
    *[(submission, "200", "getJobById", {"parameters": {"jobId": "$response.body#/jobId"}}) for submission in SUBMISSIONS],
    ("getJobsByTeamV2", "200", "getJobById", {"parameters": {"jobId": "$response.body#/items/0/id"}}),
    ("getJobsByTeamV2", "200", "getJobsByTeamV2", {"parameters": {"cursor": "$response.body#/nextCursor"}}),
    ("createStream", "200", "getStream", {"parameters": {"id": "$response.body#/id"}}),
    ("getMediaUploadURL", "201", "getMediaDownloadURL", {"requestBody": {"url": "$request.body#/url"}}),
]


def extend(specification):
    operations = {
        operation["operationId"]: operation
        for methods in specification["paths"].values()
        for operation in methods.values()
    }
    schemas = specification["components"]["schemas"]
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ApiError"}}}
    for name, operation in operations.items():
        for status in ["401"] + ["404"] * (name in HAVE_404):
            assert status not in operation["responses"], f"{name} has {status}: remove it here"
            operation["responses"][status] = {"description": "", "content": error}
    for name in REQUESTS:
        required = schemas[name].get("required", [])
        schemas[name]["properties"]["model"].pop("enum")
        for field, schema in schemas[name]["properties"].items():
            if field not in required:
                schemas[name]["properties"][field] = nullable(schema)
    for source, status, target, values in LINKS:
        links = operations[source]["responses"][status].setdefault("links", {})
        links[target] = {"operationId": target, **values}


def nullable(schema):
    """In OpenAPI 3.0, what is beside `$ref` is ignored, and null must be in an `enum`."""
    if "$ref" in schema:
        return {"allOf": [schema], "nullable": True}
    if "enum" in schema:
        schema = {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "nullable": True}


def upload(url):
    """Uploads the recording that the examples of the specification name, so that it is found."""
    headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
    body = json.dumps({"url": url}).encode()
    request = urllib.request.Request(f"{BASE_URL}/v1/media/input", body, headers)
    with urllib.request.urlopen(request) as response:
        presigned = json.load(response)["url"]
    urllib.request.urlopen(urllib.request.Request(presigned, b"sound", method="PUT")).close()


def main():
    with open("openapi/pyannoteai.yaml") as file:
        specification = yaml.safe_load(file)
    extend(specification)
    example = specification["components"]["schemas"]["GetMediaUploadUrl"]["properties"]["url"]["example"]
    upload(example)
    # Without what earlier runs found: the specification may have changed.
    config = "cache.enabled = false\n" + "\n".join(
        f'[[operations]]\ninclude-operation-id = "{name}"\nchecks.positive_data_acceptance.enabled = false\n'
        for name in HAVE_OTHER_RULES
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/specification.json", f"{folder}/schemathesis.toml"]
        for path, text in zip(paths, [json.dumps(specification), config]):
            with open(path, "w") as file:
                file.write(text)
        command = [sys.executable, "-W", "ignore", "-m", "schemathesis.cli", "--config-file", paths[1], "run", paths[0]]
        command += ["--url", BASE_URL, "--header", f"Authorization: {AUTHORIZATION}"]
        command += ["--generation-database", "none", "--continue-on-failure", *sys.argv[1:]]
        sys.exit(subprocess.run(command).returncode)


main()
