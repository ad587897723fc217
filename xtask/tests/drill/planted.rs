//! The planted changes of the specification.

use serde_json::{Value, json};

/// A change of the specification.
pub(crate) struct Planted {
    pub(crate) name: &'static str,
    change: Box<dyn Fn(&mut Value)>,
    /// Whether it can be part of a document with all other changes.
    pub(crate) is_combinable: bool,
}

impl Planted {
    pub(crate) fn apply(&self, document: &mut Value) {
        (self.change)(document);
    }
}

/// Sets the values at JSON pointers. The last part of a pointer may be new, and `-` appends to a list.
fn set(name: &'static str, edits: impl Into<Vec<(String, Value)>>) -> Planted {
    let edits = edits.into();
    let change = move |document: &mut Value| {
        for (pointer, value) in &edits {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/");
            match document.pointer_mut(parent) {
                Some(Value::Array(items)) if key == "-" => items.push(value.clone()),
                Some(Value::Array(items)) => items[key.parse::<usize>().unwrap()] = value.clone(),
                Some(parent) => parent[key] = value.clone(),
                None => panic!("{pointer} has no parent"),
            }
        }
    };
    Planted {
        name,
        change: Box::new(change),
        is_combinable: true,
    }
}

/// A change that is not part of the document with all changes.
fn alone(planted: Planted) -> Planted {
    Planted {
        is_combinable: false,
        ..planted
    }
}

fn with(name: &'static str, change: impl Fn(&mut Value) + 'static) -> Planted {
    Planted {
        name,
        change: Box::new(change),
        is_combinable: false,
    }
}

fn schema(name: &str) -> String {
    format!("/components/schemas/{name}")
}

fn property(schema: &str, name: &str, value: Value) -> (String, Value) {
    (
        format!("/components/schemas/{schema}/properties/{name}"),
        value,
    )
}

/// An operation with this success response, and the usual errors.
fn operation(id: &str, status: &str, response: Value) -> Value {
    let error = |name: &str| {
        json!({
            "description": "",
            "content": {"application/json": {"schema": {"$ref": schema_ref(name)}}},
        })
    };
    json!({
        "operationId": id,
        "parameters": [],
        "responses": {
            status: response,
            "400": error("ValidationErrorResponse"),
            "429": error("ApiError"),
        },
        "security": [{"api-key": []}],
        "x-api-key-permissions": ["jobs:write"],
    })
}

fn schema_ref(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn body(schema: Value) -> Value {
    json!({"description": "", "content": {"application/json": {"schema": schema}}})
}

fn returning(name: &str) -> Value {
    body(json!({ "$ref": schema_ref(name) }))
}

/// An operation on a new path, with one parameter.
fn parameter(id: &str, path: &str, parameter: Value) -> (String, Value) {
    let mut operation = operation(id, "200", returning("TestResponse"));
    operation["parameters"] = json!([parameter]);
    (
        format!("/paths/{}", path.replace('/', "~1")),
        json!({ "get": operation }),
    )
}

pub(crate) fn planted() -> Vec<Planted> {
    let request = "DiarizeRequest";
    let output = "DiarizationJobOutput";
    [
        requests(request),
        bounds(request),
        enums(request, output),
        responses(output),
        operations(),
        documents(),
        stops(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn requests(request: &str) -> Vec<Planted> {
    vec![
        set(
            "request: optional properties of primitive types",
            [
                property(request, "language", json!({"type": "string"})),
                property(
                    request,
                    "speechProbability",
                    json!({"type": "boolean", "default": false}),
                ),
                property(request, "gain", json!({"type": "number"})),
                property(request, "channels", json!({"type": "integer"})),
                property(request, "anything", json!({})),
            ],
        ),
        set(
            "request: required property",
            [
                property("VoiceprintRequest", "consent", json!({"type": "boolean"})),
                (
                    format!("{}/required", schema("VoiceprintRequest")),
                    json!(["url", "consent"]),
                ),
            ],
        ),
        set(
            "request: string formats",
            [
                property(
                    request,
                    "from",
                    json!({"type": "string", "format": "date-time"}),
                ),
                property(request, "day", json!({"type": "string", "format": "date"})),
                property(request, "at", json!({"type": "string", "format": "time"})),
                property(
                    request,
                    "trace",
                    json!({"type": "string", "format": "uuid"}),
                ),
                property(
                    request,
                    "callback",
                    json!({"type": "string", "format": "uri"}),
                ),
                property(request, "host", json!({"type": "string", "format": "ipv4"})),
                property(request, "blob", json!({"type": "string", "format": "byte"})),
                property(
                    request,
                    "mail",
                    json!({"type": "string", "format": "email"}),
                ),
            ],
        ),
        set(
            "request: array, nested object and map",
            [
                property(
                    request,
                    "words",
                    json!({"type": "array", "items": {"type": "string"}}),
                ),
                property(
                    request,
                    "regions",
                    json!({"type": "array", "items": {
                        "type": "object",
                        "properties": {"start": {"type": "number"}, "end": {"type": "number"}},
                        "required": ["start", "end"],
                    }}),
                ),
                property(
                    request,
                    "denoise",
                    json!({
                        "type": "object",
                        "properties": {
                            "strength": {"type": "number", "minimum": 0, "maximum": 1},
                            "mode": {"type": "string", "enum": ["light", "strong"]},
                        },
                        "required": ["strength"],
                    }),
                ),
                property(
                    request,
                    "labels",
                    json!({"type": "object", "additionalProperties": {"type": "string"}}),
                ),
                property(
                    request,
                    "weights",
                    json!({"type": "object", "additionalProperties": {
                        "type": "object", "properties": {"weight": {"type": "number"}},
                    }}),
                ),
            ],
        ),
        set(
            "request: oneOf and allOf",
            [
                property(
                    request,
                    "threshold",
                    json!({"oneOf": [{"type": "number"}, {"type": "string"}]}),
                ),
                property(
                    request,
                    "source",
                    json!({"oneOf": [
                        {"type": "object", "properties": {"bucket": {"type": "string"}}, "required": ["bucket"]},
                        {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"]},
                    ]}),
                ),
                property(
                    request,
                    "options",
                    json!({"allOf": [
                        {"$ref": schema_ref("MatchingOptions")},
                        {"type": "object", "properties": {"strict": {"type": "boolean"}}},
                    ]}),
                ),
            ],
        ),
        set(
            "request: nullable properties",
            [
                property(
                    request,
                    "language",
                    json!({"type": "string", "nullable": true}),
                ),
                property(
                    request,
                    "words",
                    json!({"type": "array", "nullable": true, "items": {"type": "string"}}),
                ),
                property(
                    request,
                    "config",
                    json!({"nullable": true, "allOf": [{"$ref": schema_ref("MatchingOptions")}]}),
                ),
                property(
                    request,
                    "exclusive",
                    json!({"type": "boolean", "default": false, "nullable": true}),
                ),
            ],
        ),
        set(
            "request: deprecated property and operation",
            [
                (
                    format!("{}/properties/confidence/deprecated", schema(request)),
                    json!(true),
                ),
                (
                    "/paths/~1v1~1voiceprint/post/deprecated".to_owned(),
                    json!(true),
                ),
            ],
        ),
        set(
            "request: property named like a keyword or a generated field",
            [
                property(request, "type", json!({"type": "string"})),
                property("JobCreated", "extra", json!({"type": "string"})),
                property(request, "self", json!({"type": "string"})),
                property(request, "x-y.z", json!({"type": "string"})),
            ],
        ),
        set(
            "request: closed object, object with additional fields",
            [
                (
                    format!("{}/additionalProperties", schema("VoiceprintRequest")),
                    json!(false),
                ),
                property(
                    request,
                    "hints",
                    json!({
                        "type": "object",
                        "properties": {"topic": {"type": "string"}},
                        "additionalProperties": {},
                    }),
                ),
            ],
        ),
    ]
}

fn bounds(request: &str) -> Vec<Planted> {
    let number = |name: &str, limits: Value| {
        let mut schema = json!({"type": "number"});
        schema
            .as_object_mut()
            .unwrap()
            .extend(limits.as_object().unwrap().clone());
        property(request, name, schema)
    };
    vec![
        set(
            "bounds: number with one bound",
            [
                number("speed", json!({"minimum": 0.5})),
                number("tolerance", json!({"maximum": 100})),
                number("bias", json!({"minimum": -1, "format": "float"})),
            ],
        ),
        set(
            "bounds: number with both, negative and exclusive bounds",
            [
                number(
                    "vadSensitivity",
                    json!({"format": "float", "minimum": -5.0, "maximum": 5.0, "default": 0.0}),
                ),
                number(
                    "ratio",
                    json!({"minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": true}),
                ),
                number(
                    "step",
                    json!({"minimum": 0, "exclusiveMinimum": true, "multipleOf": 0.5}),
                ),
            ],
        ),
        set(
            "bounds: integer with each kind of bound",
            [
                property(request, "beams", json!({"type": "integer", "minimum": 2})),
                property(
                    request,
                    "offset",
                    json!({"type": "integer", "minimum": -10, "maximum": 10}),
                ),
                property(request, "depth", json!({"type": "integer", "maximum": 8})),
                property(
                    request,
                    "width",
                    json!({"type": "integer", "format": "int64", "minimum": 0, "exclusiveMinimum": true}),
                ),
                property(
                    request,
                    "rate",
                    json!({"type": "integer", "minimum": 1, "format": "int32"}),
                ),
            ],
        ),
        set(
            "bounds: speaker counts get a maximum",
            [
                (
                    format!("{}/properties/numSpeakers/maximum", schema(request)),
                    json!(20),
                ),
                (
                    format!("{}/properties/maxSpeakers/maximum", schema(request)),
                    json!(20),
                ),
                (
                    format!("{}/properties/minSpeakers/minimum", schema(request)),
                    json!(2),
                ),
                (
                    format!(
                        "{}/properties/numSpeakers/maximum",
                        schema("IdentifyRequest")
                    ),
                    json!(20),
                ),
            ],
        ),
        set(
            "bounds: length and pattern of strings",
            [
                property(
                    request,
                    "language",
                    json!({"type": "string", "minLength": 2, "maxLength": 5}),
                ),
                property(
                    request,
                    "callId",
                    json!({"type": "string", "pattern": "^[a-z]+$"}),
                ),
                (
                    format!("{}/properties/webhook/maxLength", schema(request)),
                    json!(2048),
                ),
                (
                    format!("{}/properties/url/maxLength", schema(request)),
                    json!(2048),
                ),
                (
                    format!("{}/properties/label/maxLength", schema("Voiceprint")),
                    json!(64),
                ),
                (
                    format!("{}/properties/label/minLength", schema("Voiceprint")),
                    json!(1),
                ),
            ],
        ),
        set(
            "bounds: length of arrays and maps",
            [
                property(
                    request,
                    "words",
                    json!({"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 64}}),
                ),
                property(
                    request,
                    "scores",
                    json!({"type": "array", "minItems": 1, "items": {"type": "number"}}),
                ),
                property(
                    request,
                    "ids",
                    json!({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}}),
                ),
                property(
                    request,
                    "regions",
                    json!({"type": "array", "maxItems": 9, "items": {
                        "type": "object", "properties": {"start": {"type": "number", "minimum": 0}},
                    }}),
                ),
                property(
                    request,
                    "tags",
                    json!({"type": "array", "uniqueItems": true, "items": {"type": "number"}}),
                ),
                property(
                    request,
                    "labels",
                    json!({
                        "type": "object", "maxProperties": 10, "additionalProperties": {"type": "string"},
                    }),
                ),
                (
                    format!(
                        "{}/properties/voiceprints/maxItems",
                        schema("IdentifyRequest")
                    ),
                    json!(10),
                ),
            ],
        ),
        set(
            "bounds: existing numbers get tighter",
            [
                (
                    format!("{}/properties/threshold/minimum", schema("MatchingOptions")),
                    json!(10),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/0/schema/maximum".to_owned(),
                    json!(50),
                ),
            ],
        ),
        set(
            "bounds: responses get limits",
            [
                (
                    format!("{}/properties/score/items/minimum", schema("Confidence")),
                    json!(0),
                ),
                (
                    format!("{}/properties/score/minItems", schema("Confidence")),
                    json!(1),
                ),
                (
                    format!("{}/properties/start/minimum", schema("DiarizationSegment")),
                    json!(0),
                ),
                (
                    format!(
                        "{}/properties/speaker/pattern",
                        schema("DiarizationSegment")
                    ),
                    json!("^SPEAKER_[0-9]+$"),
                ),
                (
                    format!(
                        "{}/properties/text/maxLength",
                        schema("TranscriptionSegment")
                    ),
                    json!(1000),
                ),
            ],
        ),
    ]
}

fn enums(request: &str, output: &str) -> Vec<Planted> {
    vec![
        set(
            "enum: value of a request",
            [(
                format!("{}/properties/model/enum/-", schema(request)),
                json!("precision-3"),
            )],
        ),
        with(
            "enum: value of a response, in all three places",
            |document| {
                for pointer in [
                    "/components/schemas/JobStatus/enum",
                    "/components/schemas/JobCreated/properties/status/enum",
                    "/paths/~1v2~1jobs/get/parameters/2/schema/enum",
                ] {
                    document
                        .pointer_mut(pointer)
                        .unwrap()
                        .as_array_mut()
                        .unwrap()
                        .push(json!("queued"));
                }
            },
        ),
        set(
            "enum: values that are no identifiers, or have the same name",
            [(
                format!("{}/properties/model/enum", schema("IdentifyRequest")),
                json!([
                    "precision-2",
                    "precision_2",
                    "3d",
                    "unknown",
                    "self",
                    "value3d"
                ]),
            )],
        ),
        set(
            "enum: new properties, of strings, integers and one constant",
            [
                property(
                    request,
                    "priority",
                    json!({"type": "string", "enum": ["low", "high"], "default": "low"}),
                ),
                property(
                    request,
                    "kind",
                    json!({"enum": ["call", "meeting", null], "nullable": true}),
                ),
                property(
                    request,
                    "level",
                    json!({"type": "integer", "enum": [1, 2, 3]}),
                ),
                property(request, "agree", json!({"type": "boolean", "enum": [true]})),
                property(
                    output,
                    "quality",
                    json!({"type": "string", "enum": ["good", "poor"]}),
                ),
            ],
        ),
    ]
}

fn responses(output: &str) -> Vec<Planted> {
    let probability = json!({
        "type": "object",
        "properties": {
            "score": {"type": "array", "items": {"type": "number"}},
            "resolution": {"type": "number"},
        },
        "required": ["score", "resolution"],
    });
    vec![
        set(
            "response: properties of an output, of every type",
            [
                property(output, "language", json!({"type": "string"})),
                property(output, "duration", json!({"type": "number"})),
                property(output, "speakers", json!({"type": "integer"})),
                property(output, "isClean", json!({"type": "boolean"})),
                property(
                    output,
                    "labels",
                    json!({"type": "array", "items": {"type": "string"}}),
                ),
                property(
                    output,
                    "summary",
                    json!({"type": "object", "properties": {
                        "text": {"type": "string"},
                        "tone": {"type": "string", "enum": ["calm", "tense"]},
                        "topics": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                    }}),
                ),
                property(
                    output,
                    "speakerProbability",
                    json!({
                        "type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}},
                    }),
                ),
                property(
                    output,
                    "statistics",
                    json!({"type": "object", "additionalProperties": {
                        "type": "object", "properties": {"turns": {"type": "integer"}},
                    }}),
                ),
                property(
                    output,
                    "value",
                    json!({"oneOf": [{"type": "number"}, {"type": "string"}]}),
                ),
                property(output, "raw", json!({})),
            ],
        ),
        set(
            "response: the same new property in two outputs",
            [
                property(output, "speechProbability", probability.clone()),
                property("IdentificationJobOutput", "speechProbability", probability),
                property(
                    output,
                    "vad",
                    json!({"type": "array", "items": {"$ref": schema_ref("DiarizationSegment")}}),
                ),
                property(
                    "IdentificationJobOutput",
                    "vad",
                    json!({
                        "type": "array", "description": "Speech.", "items": {"$ref": schema_ref("DiarizationSegment")},
                    }),
                ),
            ],
        ),
        set(
            "response: required property of an output",
            [
                property(
                    "IdentificationJobOutput",
                    "model",
                    json!({"type": "string"}),
                ),
                (
                    format!("{}/required", schema("IdentificationJobOutput")),
                    json!(["model"]),
                ),
                property("VoiceprintJobResults", "model", json!({"type": "string"})),
            ],
        ),
        set(
            "response: properties of a job and of its entry in the list",
            [
                property(
                    "DiarizationJob",
                    "completedAt",
                    json!({"type": "string", "format": "date-time"}),
                ),
                property(
                    "DiarizationJob",
                    "type",
                    json!({"type": "string", "enum": ["diarization"]}),
                ),
                property(
                    "IdentifyJob",
                    "completedAt",
                    json!({"type": "string", "format": "date-time"}),
                ),
                property("JobListItem", "type", json!({"type": "string"})),
                property(
                    "JobListItem",
                    "model",
                    json!({"type": "string", "nullable": true}),
                ),
                (
                    format!("{}/required", schema("VoiceprintJob")),
                    json!(["jobId", "status"]),
                ),
            ],
        ),
        set(
            "response: properties of turns, words, errors and streams",
            [
                property("DiarizationSegment", "overlap", json!({"type": "boolean"})),
                property(
                    "DiarizationSegment",
                    "channel",
                    json!({"type": "integer", "minimum": 1}),
                ),
                property(
                    "TranscriptionSegment",
                    "language",
                    json!({"type": "string", "nullable": true}),
                ),
                property("ValidationError", "code", json!({"type": "string"})),
                property(
                    "ApiError",
                    "details",
                    json!({"type": "object", "additionalProperties": true}),
                ),
                property("Stream", "error", json!({"type": "string"})),
                property(
                    "StreamCreated",
                    "expiresAt",
                    json!({"type": "string", "format": "date-time"}),
                ),
                property("JobCreated", "position", json!({"type": "integer"})),
                property(
                    "TestResponse",
                    "scopes",
                    json!({"type": "array", "items": {"type": "string"}}),
                ),
            ],
        ),
        set(
            "response: fixed-size array, closed object, object with additional fields",
            [
                property(
                    output,
                    "interval",
                    json!({
                        "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "uniqueItems": true,
                    }),
                ),
                (
                    format!("{}/additionalProperties", schema("TranscriptionSegment")),
                    json!(false),
                ),
                (
                    format!("{}/additionalProperties", schema("JobListItem")),
                    json!(true),
                ),
                (
                    format!("{}/additionalProperties", schema(output)),
                    json!({}),
                ),
            ],
        ),
        set(
            "response: recursive, named and unused schemas",
            [
                (
                    schema("Section"),
                    json!({
                        "type": "object",
                        "title": "Chapter",
                        "properties": {
                            "name": {"type": "string"},
                            "sections": {"type": "array", "items": {"$ref": schema_ref("Section")}},
                            "parent": {"$ref": schema_ref("Section")},
                        },
                    }),
                ),
                (
                    schema("speaker_map"),
                    json!({"type": "object", "additionalProperties": {"type": "number"}}),
                ),
                property(
                    output,
                    "chapters",
                    json!({"type": "array", "items": {"$ref": schema_ref("Section")}}),
                ),
                property(output, "shares", json!({"$ref": schema_ref("speaker_map")})),
            ],
        ),
    ]
}

fn operations() -> Vec<Planted> {
    let post = |mut operation: Value, schema: Value| {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": schema}}});
        operation
    };
    let job = "/paths/~1v1~1jobs~1{jobId}";
    let job_id =
        json!({"name": "jobId", "in": "path", "required": true, "schema": {"type": "string"}});
    let on_job = |id: &str, status: &str, response: Value| {
        let mut operation = operation(id, status, response);
        operation["parameters"] = json!([job_id]);
        operation
    };
    vec![
        set(
            "operation: each method, 200 and 204",
            [
                (
                    format!("{job}/delete"),
                    on_job("deleteJob", "204", json!({"description": ""})),
                ),
                (
                    format!("{job}/put"),
                    post(
                        on_job("putJob", "200", returning("JobCreated")),
                        json!({"$ref": schema_ref("CreateStream")}),
                    ),
                ),
                (
                    format!("{job}/patch"),
                    post(
                        on_job("patchJob", "200", returning("JobCreated")),
                        json!({
                            "type": "object", "properties": {"priority": {"type": "integer", "minimum": 0, "maximum": 9}},
                        }),
                    ),
                ),
                (
                    format!("{job}/post"),
                    on_job("cancelJob", "202", returning("JobCreated")),
                ),
                (
                    format!("{job}/head"),
                    on_job("hasJob", "200", json!({"description": ""})),
                ),
                (
                    format!("{job}/options"),
                    on_job("jobOptions", "204", json!({"description": ""})),
                ),
                (
                    format!("{job}/trace"),
                    on_job("traceJob", "204", json!({"description": ""})),
                ),
            ],
        ),
        set(
            "operation: a new part of the API, with inline bodies",
            [
                (
                    "/paths/~1v1~1summarize".to_owned(),
                    json!({"post": post(
                        operation("summarize", "200", body(json!({
                            "type": "object",
                            "properties": {"text": {"type": "string"}, "tone": {"type": "string", "enum": ["calm", "tense"]}},
                            "required": ["text"],
                        }))),
                        json!({
                            "type": "object",
                            "properties": {"jobId": {"type": "string"}, "length": {"type": "integer", "minimum": 10}},
                            "required": ["jobId"],
                            "additionalProperties": false,
                        }),
                    )}),
                ),
                (
                    "/paths/~1usage".to_owned(),
                    json!({"get": operation("getUsage", "200", body(json!({
                        "type": "array", "items": {"type": "object", "properties": {"hours": {"type": "number"}}},
                    })))}),
                ),
            ],
        ),
        set(
            "operation: new error codes, with and without a body",
            [
                (
                    "/paths/~1v1~1diarize/post/responses/403".to_owned(),
                    returning("ApiError"),
                ),
                (
                    "/paths/~1v1~1diarize/post/responses/413".to_owned(),
                    json!({"description": "Too large"}),
                ),
                (
                    "/paths/~1v1~1diarize/post/responses/422".to_owned(),
                    body(json!({
                        "type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"],
                    })),
                ),
                (
                    "/paths/~1v1~1test/get/responses/503".to_owned(),
                    json!({
                        "description": "", "content": {"text/plain": {"schema": {"type": "string"}}},
                    }),
                ),
                (
                    "/paths/~1v1~1test/get/responses/default".to_owned(),
                    returning("ApiError"),
                ),
                (
                    "/paths/~1v1~1media~1output/post/responses/302".to_owned(),
                    json!({"description": ""}),
                ),
            ],
        ),
        set(
            "operation: a second success code with the same body",
            [(
                "/paths/~1v1~1identify/post/responses/202".to_owned(),
                returning("JobCreated"),
            )],
        ),
        set(
            "operation: raw and text bodies",
            [(
                "/paths/~1v1~1media~1{key}".to_owned(),
                json!({"put": {
                    "operationId": "putMedia",
                    "parameters": [{"name": "key", "in": "path", "required": true, "schema": {"type": "string"}}],
                    "requestBody": {"required": true, "content": {"application/octet-stream": {
                        "schema": {"type": "string", "format": "binary"},
                    }}},
                    "responses": {"200": {"description": "", "content": {"audio/wav": {
                        "schema": {"type": "string", "format": "binary"},
                    }}}},
                }}),
            )],
        ),
        set(
            "parameter: path, of each type",
            [
                parameter(
                    "getA",
                    "/v1/jobs/a/{id}",
                    json!({
                        "name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"},
                    }),
                ),
                parameter(
                    "getB",
                    "/v1/jobs/b/{number}",
                    json!({
                        "name": "number", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 0, "maximum": 9},
                    }),
                ),
                parameter(
                    "getC",
                    "/v1/jobs/c/{kind}",
                    json!({
                        "name": "kind", "in": "path", "required": true, "schema": {"type": "string", "enum": ["call", "meeting"]},
                    }),
                ),
                parameter(
                    "getD",
                    "/v1/jobs/d/{name}",
                    json!({
                        "name": "name", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 9},
                    }),
                ),
            ],
        ),
        set(
            "parameter: query, of each type",
            [
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "model", "in": "query", "schema": {"type": "array", "items": {"type": "string"}},
                    }),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "from", "in": "query", "schema": {"type": "string", "format": "date-time"},
                    }),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "order", "in": "query", "schema": {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
                    }),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "minScore", "in": "query", "schema": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
                    }),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "kinds", "in": "query", "schema": {
                            "type": "array", "maxItems": 3, "items": {"type": "string", "enum": ["call", "meeting"]},
                        },
                    }),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({
                        "name": "all", "in": "query", "required": true, "deprecated": true, "schema": {"type": "boolean"},
                    }),
                ),
            ],
        ),
        set(
            "parameter: header",
            [
                (
                    "/paths/~1v1~1diarize/post/parameters/-".to_owned(),
                    json!({
                        "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "format": "uuid"},
                    }),
                ),
                (
                    "/paths/~1v1~1identify/post/parameters/-".to_owned(),
                    json!({
                        "name": "X-Priority", "in": "header", "required": true, "schema": {"type": "integer", "minimum": 0, "maximum": 9},
                    }),
                ),
            ],
        ),
        set(
            "parameter: shared by a path item, and by reference",
            [
                (
                    "/components/parameters".to_owned(),
                    json!({
                        "Page": {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9}},
                    }),
                ),
                (
                    "/components/responses".to_owned(),
                    json!({"Forbidden": returning("ApiError")}),
                ),
                (
                    "/paths/~1v1~1live/parameters".to_owned(),
                    json!([
                        {"name": "region", "in": "query", "schema": {"type": "string", "enum": ["eu", "us"]}},
                    ]),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/-".to_owned(),
                    json!({"$ref": "#/components/parameters/Page"}),
                ),
                (
                    "/paths/~1v1~1live/post/responses/403".to_owned(),
                    json!({"$ref": "#/components/responses/Forbidden"}),
                ),
            ],
        ),
        set(
            "extension: on every kind of object",
            [
                ("/x-generator".to_owned(), json!("nest")),
                (
                    "/info/x-logo".to_owned(),
                    json!({"url": "https://example.com/logo.png"}),
                ),
                ("/paths/~1v1~1test/get/x-internal".to_owned(), json!(true)),
                (
                    "/paths/~1v1~1live/post/x-api-key-permissions".to_owned(),
                    json!(["stream:write", "jobs:write"]),
                ),
                (
                    "/paths/~1v2~1jobs/get/parameters/0/x-order".to_owned(),
                    json!(1),
                ),
                (format!("{}/x-order", schema(request_name())), json!(1)),
                (
                    format!("{}/properties/url/x-order", schema(request_name())),
                    json!(1),
                ),
            ],
        ),
    ]
}

fn request_name() -> &'static str {
    "DiarizeRequest"
}

fn documents() -> Vec<Planted> {
    vec![
        with(
            "document: the complete document of 2026-08-17, without wording",
            |document| {
                let text = include_str!("../../../tests/fixtures/openapi/2026-08-17.json");
                *document = serde_json::from_str(text).unwrap();
            },
        ),
        with(
            "document: references and inline schemas exchanged",
            |document| {
                let status = document["components"]["schemas"]["JobStatus"].clone();
                document["components"]["schemas"]["JobCreated"]["properties"]["status"] =
                    json!({"$ref": schema_ref("JobStatus")});
                document["components"]["schemas"]["DiarizationJob"]["properties"]["status"] =
                    status;
                document["components"]["schemas"]["Stream"]["properties"]["input"] =
                    json!({"allOf": [{"$ref": schema_ref("CreateStream")}]});
            },
        ),
        with("document: other wording", |document| {
            document["info"]["description"] = json!("The API.");
            document["components"]["schemas"]["DiarizeRequest"]["title"] = json!("Request");
            document["components"]["schemas"]["DiarizeRequest"]["properties"]["url"]["description"] =
                json!("A URL.");
            document["paths"]["/v1/test"]["get"]["summary"] = json!("Test");
        }),
        with("document: OpenAPI 3.1", |document| {
            to_v3_1(document);
            let request = &mut document["components"]["schemas"]["DiarizeRequest"]["properties"];
            request["vadSensitivity"] =
                json!({"type": ["number", "null"], "exclusiveMinimum": -5, "maximum": 5});
            request["version"] = json!({"const": 2});
            request["language"] = json!({"type": "string", "examples": ["en", "fr"]});
            request["gain"] = json!({"anyOf": [{"type": "number"}, {"type": "null"}]});
            request["threshold"] = json!({"type": ["number", "string"]});
            request["matching"] =
                json!({"$ref": schema_ref("MatchingOptions"), "description": "Matching."});
            request["voice"] = json!({"type": "string", "contentEncoding": "base64"});
            request["options"] =
                json!({"anyOf": [{"$ref": schema_ref("MatchingOptions")}, {"type": "null"}]});
        }),
        with("document: the same in OpenAPI 3.1", to_v3_1),
    ]
}

/// Writes a document as OpenAPI 3.1.
fn to_v3_1(document: &mut Value) {
    fn convert(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if map.remove("nullable") == Some(json!(true)) {
                    let kind = map["type"].take();
                    map["type"] = json!([kind, "null"]);
                }
                if let Some(example) = map.get("example").cloned()
                    && map.contains_key("type")
                {
                    map.remove("example");
                    map.insert("examples".to_owned(), json!([example]));
                }
                map.values_mut().for_each(convert);
            }
            Value::Array(items) => items.iter_mut().for_each(convert),
            _ => {}
        }
    }
    convert(document);
    document["openapi"] = json!("3.1.0");
    document["jsonSchemaDialect"] = json!("https://spec.openapis.org/oas/3.1/dialect/base");
    document["webhooks"] = json!({});
}

/// Changes that cannot be generated.
fn stops() -> Vec<Planted> {
    let request = "DiarizeRequest";
    vec![
        alone(set("stop: a fourth kind of job", [
            (schema("TranslationJob"), json!({"type": "object", "properties": {"output": {"type": "object"}}})),
            (
                "/paths/~1v1~1jobs~1{jobId}/get/responses/200/content/application~1json/schema/oneOf/-".to_owned(),
                json!({"$ref": schema_ref("TranslationJob")}),
            ),
        ])),
        alone(set("stop: success codes with different bodies", [
            ("/paths/~1v1~1voiceprint/post/responses/204".to_owned(), json!({"description": ""})),
        ])),
        alone(set("stop: the same property of two outputs with different types", [
            property("DiarizationJobOutput", "score", json!({"type": "number"})),
            property("IdentificationJobOutput", "score", json!({"type": "string"})),
        ])),
        alone(set("stop: multipart body", [
            ("/paths/~1v1~1upload".to_owned(), json!({"post": {
                "operationId": "upload",
                "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}},
                "responses": {"204": {"description": ""}},
            }})),
        ])),
        alone(set("stop: two content types of a body", [
            (
                "/paths/~1v1~1diarize/post/requestBody/content/text~1plain".to_owned(),
                json!({"schema": {"type": "string"}}),
            ),
        ])),
        alone(set("stop: cookie parameter", [
            ("/paths/~1v1~1test/get/parameters/-".to_owned(), json!({"name": "session", "in": "cookie", "schema": {"type": "string"}})),
        ])),
        alone(set("stop: object in a query parameter", [
            ("/paths/~1v1~1test/get/parameters/-".to_owned(), json!({
                "name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"},
            })),
        ])),
        alone(set("stop: reference outside of the components", [
            property(request, "other", json!({"$ref": "other.yaml#/Thing"})),
        ])),
        alone(set("stop: operation without an operationId", [
            ("/paths/~1v1~1jobs~1clear".to_owned(), json!({"post": {"responses": {"204": {"description": ""}}}})),
        ])),
        alone(set("stop: property with the name of the map of additional fields", [
            property(request, "extra", json!({"type": "string"})),
        ])),
        alone(set("stop: enum value without letters", [
            property(request, "sign", json!({"type": "string", "enum": ["+", "-"]})),
        ])),
        with("stop: tuple in OpenAPI 3.1", |document| {
            document["openapi"] = json!("3.1.0");
            document["components"]["schemas"]["DiarizeRequest"]["properties"]["span"] =
                json!({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]});
        }),
        with("stop: OpenAPI 4.0", |document| document["openapi"] = json!("4.0.0")),
        with("stop: a defect that the overlay corrects is fixed", |document| {
            document["components"]["schemas"]["Voiceprint"]["properties"]["label"]["pattern"] = json!("^(?!SPEAKER_).*");
        }),
    ]
}
