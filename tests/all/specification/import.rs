//! Importing documentation pages and complete documents, and the report of their changes.

use serde_json::{Value, json};
use xtask::import::{self, Plan};
use xtask::report::WithWording;

use super::{Checkout, replaced};

/// A documentation page with an OpenAPI block.
fn page(block: &str) -> String {
    format!(
        "# Submit a job\n\nSome words.\n\n```json example\n{{\"jobId\": \"1\"}}\n```\n\n\
         ## OpenAPI\n\n````yaml POST /v1/diarize\n{block}````\n"
    )
}

fn fragment(checkout: &Checkout, name: &str) -> String {
    fs_err::read_to_string(checkout.workspace().openapi().join(name)).unwrap()
}

fn plan(checkout: &Checkout, name: &str, text: &str) -> Result<Plan, String> {
    let file = checkout.write(name, text);
    import::plan(&checkout.workspace(), &[file]).map_err(|error| format!("{error:#}"))
}

/// The error of an import that must fail. Checks that nothing was written.
fn import_error(name: &str, text: &str) -> String {
    let checkout = Checkout::new();
    let before = checkout.openapi();
    let error = plan(&checkout, name, text).unwrap_err();
    assert_eq!(checkout.openapi(), before);
    let folder = checkout.workspace().openapi();
    let root = folder.parent().unwrap().to_string_lossy().into_owned();
    error.replace(&root, "")
}

#[test]
fn importing_the_current_pages_changes_nothing() {
    let checkout = Checkout::new();
    let before = checkout.openapi();
    for name in [
        "diarize.yaml",
        "identify.yaml",
        "voiceprint.yaml",
        "jobs.yaml",
    ] {
        let plan = plan(&checkout, "page.md", &page(&fragment(&checkout, name))).unwrap();
        assert_eq!(plan.report.to_string(), "no changes\n", "{name}");
        plan.write().unwrap();
    }
    assert_eq!(checkout.openapi(), before);
}

#[test]
fn request_changes_are_reported_by_direction() {
    let checkout = Checkout::new();
    let mut diarize = fragment(&checkout, "diarize.yaml");
    for (from, to) in [
        // One enum value removed, one added.
        ("            - community-1\n", "            - precision-4\n"),
        // A stricter limit.
        (
            "        minSpeakers:\n          type: number\n          minimum: 1\n",
            "        minSpeakers:\n          type: number\n          minimum: 2\n",
        ),
        // One property removed, three added, one of them required.
        (
            "        transcription:\n          type: boolean\n          default: false\n",
            "        speed:\n          type: number\n        language:\n          type: string\n\
             \x20       transcript:\n          type: boolean\n          default: false\n",
        ),
        (
            "      required:\n        - url\n",
            "      required:\n        - url\n        - language\n",
        ),
        // No longer nullable.
        (
            "        turnLevelConfidence:\n          type: boolean\n          nullable: true\n",
            "        turnLevelConfidence:\n          type: boolean\n",
        ),
        // Another default, another description.
        (
            "          default: parakeet-tdt-0.6b-v3\n",
            "          default: faster-whisper-large-v3-turbo\n",
        ),
        (
            "          description: URL of the audio file to be processed\n",
            "          description: Where the audio is\n",
        ),
        // An additional response.
        (
            "        '429':\n",
            "        '413':\n          description: Too large\n        '429':\n",
        ),
    ] {
        diarize = replaced(&diarize, from, to);
    }
    let plan = plan(&checkout, "page.md", &page(&diarize)).unwrap();
    insta::assert_snapshot!("request_changes", plan.report);
    plan.write().unwrap();
    assert_eq!(
        fragment(&checkout, "diarize.yaml"),
        diarize,
        "the fragment is the block, unchanged"
    );
}

#[test]
fn response_changes_are_reported_by_direction() {
    let checkout = Checkout::new();
    let mut jobs = fragment(&checkout, "jobs.yaml");
    for (from, to) in [
        // A new status is compatible, because the enums are open.
        (
            "        - succeeded\n        - canceled\n",
            "        - succeeded\n        - queued\n        - canceled\n",
        ),
        // No longer required.
        (
            "        - items\n        - nextCursor\n",
            "        - items\n",
        ),
        // An additional property.
        (
            "        status:\n          type: string\n",
            "        type:\n          type: string\n        status:\n          type: string\n",
        ),
        // A limit in a response, a stricter one in a request.
        (
            "          items:\n            type: number\n",
            "          items:\n            type: number\n            maximum: 100\n",
        ),
        (
            "            minimum: 1\n            maximum: 100\n",
            "            minimum: 1\n            maximum: 50\n",
        ),
        // Now nullable.
        (
            "          description: Text of the segment\n",
            "          description: Text of the segment\n          nullable: true\n",
        ),
        // One parameter removed, one added.
        ("        - name: cursor\n", "        - name: after\n"),
    ] {
        jobs = replaced(&jobs, from, to);
    }
    let plan = plan(&checkout, "page.md", &page(&jobs)).unwrap();
    insta::assert_snapshot!("response_changes", plan.report);
}

#[test]
fn page_of_one_operation_keeps_the_others_of_its_fragment() {
    let checkout = Checkout::new();
    let whole = xtask::document::parse(&fragment(&checkout, "media.yaml")).unwrap();
    let mut part = whole.clone();
    part["paths"]
        .as_object_mut()
        .unwrap()
        .remove("/v1/media/output");
    part["components"]["schemas"]["MediaResponse"]["properties"]["expiresAt"] =
        json!({"type": "string", "format": "date-time"});
    let block = xtask::document::to_yaml(&part).unwrap();
    let plan = plan(&checkout, "page.md", &page(&block)).unwrap();
    insta::assert_snapshot!(plan.report, @r"
    compatible        MediaResponse.expiresAt: added (response)

    1 change, 0 breaking
    semver bump: minor (patch for 0.x versions)
    ");
    plan.write().unwrap();
    let after = xtask::document::parse(&fragment(&checkout, "media.yaml")).unwrap();
    assert_eq!(after["paths"], whole["paths"]);
}

#[test]
fn complete_document_is_split_into_fragments() {
    for format in ["json", "yaml"] {
        let checkout = Checkout::new();
        let before = checkout.openapi();
        let published = pyannote_tests::published();
        let text = match format {
            "json" => serde_json::to_string(&published).unwrap(),
            _ => xtask::document::to_yaml(&published).unwrap(),
        };
        let plan = plan(&checkout, &format!("complete.{format}"), &text).unwrap();
        assert_eq!(plan.report.to_string(), "no changes\n");
        plan.write().unwrap();
        assert_eq!(checkout.openapi(), before, "{format}");
    }
}

#[test]
fn complete_document_removes_missing_operations() {
    let checkout = Checkout::new();
    let mut published = pyannote_tests::published();
    for path in ["/v1/live", "/v1/live/{id}", "/v1/media/output"] {
        published["paths"]
            .as_object_mut()
            .unwrap()
            .remove(path)
            .unwrap();
    }
    let plan = plan(&checkout, "complete.json", &published.to_string()).unwrap();
    let report = plan.report.to_string();
    assert!(
        report.contains("BREAKING          POST /v1/live: operation removed"),
        "{report}"
    );
    plan.write().unwrap();
    assert!(!checkout.workspace().openapi().join("live.yaml").exists());
    assert!(!fragment(&checkout, "media.yaml").contains("/v1/media/output:"));
}

#[test]
fn invalid_sources_are_rejected_and_nothing_is_written() {
    let diarize = fragment(&Checkout::new(), "diarize.yaml");
    insta::assert_snapshot!(import_error("tutorial.md", "# How to\n\n```json\n{\"jobId\": \"1\"}\n```\n"),
        @"in /tutorial.md: no fenced OpenAPI block: expected one that starts with ````yaml POST /v1/…");
    insta::assert_snapshot!(import_error("empty.md", ""),
        @"in /empty.md: no fenced OpenAPI block: expected one that starts with ````yaml POST /v1/…");
    insta::assert_snapshot!(import_error("twice.md", &format!("{}\n{}", page(&diarize), page(&diarize))),
        @"in /twice.md: more than one fenced OpenAPI block");
    insta::assert_snapshot!(import_error("other.md", &page("asyncapi: 3.0.0\n")),
        @"the fenced block of /other.md is not an OpenAPI document: missing `openapi` version");
    insta::assert_snapshot!(import_error("newer.md", &page(&replaced(&diarize, "openapi: 3.0.0", "openapi: 4.0.0"))),
        @"the fenced block of /newer.md is not an OpenAPI document: unsupported OpenAPI version 4.0.0: only 3.0 and 3.1 are supported; convert it in xtask/src/document/");
    insta::assert_snapshot!(import_error("list.json", "[1, 2]"),
        @"/list.json is not an OpenAPI document: missing `openapi` version");
    insta::assert_snapshot!(import_error("none.yaml", "openapi: 3.0.0\npaths: {}\n"),
        @"/none.yaml contains no operations");
    insta::assert_snapshot!(import_error("new.md", &page(&replaced(&diarize, "  /v1/diarize:", "  /v1/{name}:"))),
        @"in /new.md: no fragment for POST /v1/{name}: the path must start with a version and the name of a part of the API, such as /v1/jobs, and the name must not be that of another file in openapi/. Name a file for it in `file_name` in xtask/src/import/fragments.rs");
    assert!(
        import_error(
            "overlay.md",
            &page(&replaced(&diarize, "  /v1/diarize:", "  /v1/overlay:"))
        )
        .contains("no fragment for POST /v1/overlay")
    );
    insta::assert_snapshot!(import_error("dangling.md", &page(&diarize.replace("    JobCreated:\n", "    JobMade:\n"))),
        @"/dangling.md refers to the missing schema JobCreated: add it to the source");
    insta::assert_snapshot!(import_error("conflict.md", &page(&replaced(&diarize, "          description: Field name\n", "          description: Field\n"))),
        @"diarize.yaml and identify.yaml differ at components.schemas.ValidationError.properties.field.description: import the newer page of both, or correct the fragment that is wrong");
    assert!(
        import_error("broken.yaml", "openapi: [")
            .starts_with("/broken.yaml is not an OpenAPI document: invalid YAML or JSON")
    );
    assert!(
        import_error("scalar.md", &page("just words\n"))
            .starts_with("the fenced block of /scalar.md is not an OpenAPI document")
    );
}

#[test]
fn complete_document_without_wording_reports_what_really_changes() {
    let checkout = Checkout::new();
    let path = pyannote_tests::fixtures().join("openapi/2026-08-17.json");
    let text = fs_err::read_to_string(path).unwrap();
    let plan = plan(&checkout, "complete.json", &text).unwrap();
    insta::assert_snapshot!(plan.report, @r#"
    compatible        POST /v1/diarize: x-api-key-permissions added: ["jobs:write"]
    compatible        POST /v1/identify: x-api-key-permissions added: ["jobs:write"]
    compatible        POST /v1/voiceprint: x-api-key-permissions added: ["jobs:write"]

    3 changes, 0 breaking
    186 changes of wording, which --wording lists
    semver bump: minor (patch for 0.x versions)
    "#);
    let with_wording = WithWording(&plan.report).to_string();
    assert!(
        with_wording.contains("wording           DiarizeRequest.url: description changed\n"),
        "{with_wording}"
    );
    assert!(
        with_wording.contains("\n186 changes of wording\n"),
        "{with_wording}"
    );

    plan.write().unwrap();
    let written = xtask::regen::write(&checkout.workspace()).unwrap();
    assert!(!written.is_empty());
    assert_eq!(xtask::regen::check(&checkout.workspace()).unwrap(), "");
}

#[test]
fn page_in_openapi_3_1_is_kept_as_published() {
    let checkout = Checkout::new();
    let diarize = replaced(
        &fragment(&checkout, "diarize.yaml"),
        "openapi: 3.0.0",
        "openapi: 3.1.0",
    );
    let diarize = replaced(
        &diarize,
        "          type: boolean\n          nullable: true\n",
        "          type: [boolean, 'null']\n",
    );
    let plan = plan(&checkout, "page.md", &page(&diarize)).unwrap();
    assert!(
        !plan.report.to_string().contains("BREAKING"),
        "{}",
        plan.report
    );
    plan.write().unwrap();
    assert_eq!(fragment(&checkout, "diarize.yaml"), diarize);
    xtask::regen::write(&checkout.workspace()).unwrap();
}

#[test]
fn limit_of_a_response_is_breaking_when_it_is_relaxed() {
    let confidence = |maximum: Option<u32>| {
        let mut document = pyannote_tests::published();
        let items =
            &mut document["components"]["schemas"]["Confidence"]["properties"]["score"]["items"];
        if let Some(maximum) = maximum {
            items["maximum"] = maximum.into();
        }
        document
    };
    let report = |before, after| {
        let report = xtask::report::compare(&confidence(before), &confidence(after)).unwrap();
        report.to_string()
    };
    assert!(report(Some(100), Some(1000)).starts_with(
        "BREAKING          Confidence.score[]: maximum changed from 100 to 1000 (response)"
    ));
    assert!(
        report(Some(100), None)
            .starts_with("BREAKING          Confidence.score[]: maximum 100 removed (response)")
    );
    assert!(
        report(None, Some(100))
            .starts_with("compatible        Confidence.score[]: maximum 100 added (response)")
    );
}

#[test]
fn less_visible_changes_are_reported() {
    let report = |change: &dyn Fn(&mut Value)| {
        let before = pyannote_tests::published();
        let mut after = before.clone();
        change(&mut after);
        xtask::report::compare(&before, &after).unwrap().to_string()
    };
    let operation = |document: &mut Value, key: &str, value: Value| {
        document["paths"]["/v1/test"]["get"][key] = value;
    };
    let security = report(&|document| operation(document, "security", json!([])));
    assert!(
        security.contains("BREAKING          GET /v1/test: security changed"),
        "{security}"
    );
    let servers = report(&|document| operation(document, "servers", json!([])));
    assert!(
        servers.contains("BREAKING          GET /v1/test: servers changed"),
        "{servers}"
    );
    let optional = report(&|document| {
        document["paths"]["/v1/diarize"]["post"]["requestBody"]["required"] = false.into();
    });
    assert!(
        optional.contains("BREAKING (types)  POST /v1/diarize, body: is now optional"),
        "{optional}"
    );
    let parameters = report(&|document| document["components"]["parameters"] = json!({"a": {}}));
    assert!(
        parameters.contains("BREAKING          components.parameters: changed"),
        "{parameters}"
    );
    let longer = report(&|document| {
        let voiceprint =
            &mut document["components"]["schemas"]["Voiceprint"]["properties"]["label"];
        voiceprint.as_object_mut().unwrap().remove("maxLength");
    });
    assert!(
        longer.contains("BREAKING (types)  Voiceprint.label: maxLength 100 removed"),
        "{longer}"
    );
    let flag = report(&|document| {
        document["components"]["schemas"]["ApiError"]["properties"]["message"]["nullable"] =
            false.into();
    });
    assert_eq!(flag, "no changes\n");
}

/// The report of a change of the published specification.
fn report_of(change: impl FnOnce(&mut Value)) -> String {
    let before = pyannote_tests::published();
    let mut after = before.clone();
    change(&mut after);
    xtask::report::compare(&before, &after).unwrap().to_string()
}

#[test]
fn parts_of_all_of_are_merged() {
    let split = |document: &mut Value, name: &str| {
        let schemas = &mut document["components"]["schemas"];
        let mut base = schemas[name].take();
        let webhook = base["properties"]
            .as_object_mut()
            .unwrap()
            .remove("webhook")
            .unwrap();
        schemas["Base"] = base;
        schemas[name] = json!({"allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"type": "object", "properties": {"webhook": webhook}},
        ]});
    };
    insta::assert_snapshot!(report_of(|document| split(document, "VoiceprintRequest")), @r"
    BREAKING (types)  VoiceprintRequest.model: type is now named after Base instead of VoiceprintRequest
    compatible        Base: schema added

    2 changes, 1 breaking
    semver bump: major (minor for 0.x versions)
    ");
    // A part that differs is reported at its property.
    insta::assert_snapshot!(report_of(|document| {
        split(document, "VoiceprintRequest");
        document["components"]["schemas"]["VoiceprintRequest"]["allOf"][1]["required"] = json!(["webhook"]);
        document["components"]["schemas"]["Base"]["properties"].as_object_mut().unwrap().remove("webhookStatusOnly");
    }), @r"
    BREAKING (types)  VoiceprintRequest.model: type is now named after Base instead of VoiceprintRequest
    BREAKING          VoiceprintRequest.webhookStatusOnly: removed (request)
    BREAKING          VoiceprintRequest.webhook: is now required (request)
    compatible        Base: schema added

    4 changes, 3 breaking
    semver bump: major (minor for 0.x versions)
    ");
    // Keywords beside a single part.
    insta::assert_snapshot!(report_of(|document| {
        split(document, "VoiceprintRequest");
        let schema = &mut document["components"]["schemas"]["VoiceprintRequest"];
        let mut own = schema["allOf"].as_array_mut().unwrap().pop().unwrap();
        own["allOf"] = schema["allOf"].take();
        *schema = own;
    }), @r"
    BREAKING (types)  VoiceprintRequest.model: type is now named after Base instead of VoiceprintRequest
    compatible        Base: schema added

    2 changes, 1 breaking
    semver bump: major (minor for 0.x versions)
    ");
}

#[test]
fn cycles_of_all_of_are_compared() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let report = report_of(|document| {
        let schemas = &mut document["components"]["schemas"];
        schemas["Own"] = json!({"allOf": [reference("Own"), {"type": "object"}]});
        schemas["Left"] =
            json!({"allOf": [reference("Right"), {"properties": {"left": reference("Left")}}]});
        schemas["Right"] =
            json!({"allOf": [reference("Left"), {"properties": {"right": reference("Right")}}]});
        for index in 0..200 {
            let next = reference(&format!("Chain{}", index + 1));
            schemas[format!("Chain{index}")] = json!({"allOf": [next, next, {"minProperties": 1}]});
        }
        schemas["Chain200"] = json!({"type": "object"});
        schemas["VoiceprintRequest"]["allOf"] =
            json!([reference("VoiceprintRequest"), reference("Left")]);
    });
    assert!(
        report.contains("compatible        Own: schema added\n"),
        "{report}"
    );
    assert!(
        report.contains("VoiceprintRequest: VoiceprintRequest added to allOf (request)"),
        "{report}"
    );
}

#[test]
fn explicit_defaults_change_nothing() {
    let report = report_of(|document| {
        let properties = &mut document["components"]["schemas"]["VoiceprintRequest"]["properties"];
        for (key, value) in [
            ("minLength", json!(0)),
            ("readOnly", json!(false)),
            ("writeOnly", json!(false)),
            ("nullable", json!(false)),
            ("deprecated", json!(false)),
            ("xml", json!({"name": "url"})),
        ] {
            properties["url"][key] = value;
        }
        let list = &mut document["components"]["schemas"]["Confidence"]["properties"]["score"];
        for (key, value) in [
            ("minItems", json!(0)),
            ("uniqueItems", json!(false)),
            ("minProperties", json!(0)),
        ] {
            list[key] = value;
        }
        let parameters = &mut document["paths"]["/v2/jobs"]["get"]["parameters"];
        for (key, value) in [
            ("style", json!("form")),
            ("explode", json!(true)),
            ("allowReserved", json!(false)),
            ("allowEmptyValue", json!(false)),
            ("deprecated", json!(false)),
        ] {
            parameters[0][key] = value;
        }
        let path_parameter = &mut document["paths"]["/v1/jobs/{jobId}"]["get"]["parameters"][0];
        path_parameter["style"] = "simple".into();
        path_parameter["explode"] = false.into();
    });
    assert_eq!(report, "no changes\n");
    let other = report_of(|document| {
        let parameters = &mut document["paths"]["/v2/jobs"]["get"]["parameters"];
        parameters[0]["explode"] = false.into();
        parameters[1]["style"] = "spaceDelimited".into();
    });
    insta::assert_snapshot!(other, @r"
    BREAKING          GET /v2/jobs, query parameter limit: explode changed
    BREAKING          GET /v2/jobs, query parameter cursor: style changed

    2 changes, 2 breaking
    semver bump: major (minor for 0.x versions)
    ");
}

#[test]
fn format_without_a_type_is_compatible() {
    let report = report_of(|document| {
        let properties = &mut document["components"]["schemas"]["VoiceprintRequest"]["properties"];
        properties["url"]["format"] = "uri".into();
        properties["webhook"]["format"] = "date-time".into();
    });
    insta::assert_snapshot!(report, @r#"
    compatible        VoiceprintRequest.url: format changed from none to "uri" (request)
    BREAKING (types)  VoiceprintRequest.webhook: format changed from none to "date-time" (request)

    2 changes, 1 breaking
    semver bump: major (minor for 0.x versions)
    "#);
}

#[test]
fn additions_are_compatible() {
    let report = report_of(|document| {
        document["components"]["securitySchemes"]["oauth"] =
            json!({"type": "http", "scheme": "basic"});
        document["security"] = json!([{"oauth": []}]);
        let servers = document["servers"].as_array_mut().unwrap();
        servers.push(json!({"url": "https://eu.example.com"}));
        let security = &mut document["paths"]["/v1/diarize"]["post"]["security"];
        security.as_array_mut().unwrap().push(json!({"oauth": []}));
        document["paths"]["/v1/test"]["get"]["requestBody"] =
            json!({"content": {"application/json": {"schema": {"type": "object"}}}});
        document["paths"]["/v2/jobs"]["get"]["requestBody"] = json!({
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/VoiceprintRequest"}}},
        });
        document["components"]["schemas"]["JobCreated"]["properties"]["jobId"]["readOnly"] =
            true.into();
    });
    insta::assert_snapshot!(report, @r"
    compatible        security: changed
    compatible        servers: changed
    compatible        POST /v1/diarize: security changed
    BREAKING (types)  GET /v2/jobs, body: added, and the bindings always send it (request)
    compatible        GET /v1/test, body: added (request)
    compatible        JobCreated.jobId: readOnly changed from none to true (response)
    compatible        components.securitySchemes.oauth: added

    7 changes, 1 breaking
    semver bump: major (minor for 0.x versions)
    ");
    let report = report_of(|document| {
        document["components"]["securitySchemes"]["api-key"]["scheme"] = "basic".into();
        document["servers"][0]["url"] = "https://eu.example.com".into();
        document["paths"]["/v1/diarize"]["post"]["security"] = json!([{"oauth": []}]);
        document["paths"]["/v1/test"]["get"]["requestBody"] =
            json!({"required": true, "content": {}});
        document["components"]["schemas"]["VoiceprintRequest"]["properties"]["url"]["readOnly"] =
            true.into();
    });
    insta::assert_snapshot!(report, @r"
    BREAKING          servers: changed
    BREAKING          POST /v1/diarize: security changed
    BREAKING          GET /v1/test, body: added and required (request)
    BREAKING          VoiceprintRequest.url: readOnly changed from none to true (request)
    BREAKING          components.securitySchemes.api-key: changed

    5 changes, 5 breaking
    semver bump: major (minor for 0.x versions)
    ");
}

#[test]
fn webhooks_are_reported_as_not_compared() {
    let checkout = Checkout::new();
    let mut published = pyannote_tests::published();
    published["openapi"] = "3.1.0".into();
    published["webhooks"] = json!({"jobFinished": {"post": {"responses": {}}}});
    let plan = plan(&checkout, "complete.json", &published.to_string()).unwrap();
    assert_eq!(
        plan.report.to_string(),
        "no changes\nwebhooks: not compared; pyannote/src/webhook is handwritten\n"
    );
}

#[test]
fn report_says_that_regen_stops() {
    let checkout = Checkout::new();
    let mut published = pyannote_tests::published();
    published["components"]["schemas"]["VoiceprintRequest"]["properties"]["extra"] =
        json!({"type": "string"});
    published["components"]["schemas"]["VoiceprintRequest"]["additionalProperties"] = true.into();
    let plan = plan(&checkout, "complete.json", &published.to_string()).unwrap();
    let report = plan.report.to_string();
    assert!(
        report
            .contains("\nregen stops: components.schemas.VoiceprintRequest has a property `extra`"),
        "{report}"
    );
    plan.write().unwrap();
    let error = xtask::regen::write(&checkout.workspace()).unwrap_err();
    assert!(
        report.contains(&format!("regen stops: {error:#}\n")),
        "{error:#}"
    );
}

#[test]
fn documents_are_recognized_by_any_case_and_with_a_byte_order_mark() {
    let published = pyannote_tests::published();
    let yaml = xtask::document::to_yaml(&published).unwrap();
    for (name, text) in [
        ("complete.JSON", published.to_string()),
        ("complete.Yml", yaml.clone()),
        ("complete.yaml", format!("\u{feff}{yaml}")),
        ("complete.json", format!("\u{feff}{published}")),
    ] {
        let plan = plan(&Checkout::new(), name, &text).unwrap();
        assert_eq!(plan.report.to_string(), "no changes\n", "{name}");
    }
}

#[test]
fn other_kinds_of_document_are_named() {
    insta::assert_snapshot!(import_error("old.json", r#"{"swagger": "2.0", "paths": {}}"#), @"/old.json is not an OpenAPI document: Swagger 2.0 is not supported: convert it to OpenAPI 3.0 first");
    insta::assert_snapshot!(import_error("empty.yaml", "\n"), @"/empty.yaml is not an OpenAPI document: it is empty");
    insta::assert_snapshot!(import_error("comment.yaml", "# Only a comment\n"), @"/comment.yaml is not an OpenAPI document: it is empty");
    insta::assert_snapshot!(import_error("number.yaml", "openapi: 3.0\npaths: {}\n"), @"/number.yaml is not an OpenAPI document: `openapi: 3.0` is a number: quote it, or write all three parts, such as 3.0.0");
}

#[test]
fn cycles_of_all_of_are_rejected() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    for cycle in 0..4 {
        let mut document = pyannote_tests::published();
        let schemas = &mut document["components"]["schemas"];
        match cycle {
            0 => schemas["VoiceprintRequest"]["allOf"] = json!([reference("VoiceprintRequest")]),
            1 => {
                schemas["VoiceprintRequest"] =
                    json!({"allOf": [reference("VoiceprintRequest"), {"type": "object"}]})
            }
            2 => {
                schemas["VoiceprintRequest"] = reference("Other");
                schemas["Other"] = reference("VoiceprintRequest");
            }
            _ => {
                schemas["VoiceprintRequest"] =
                    json!({"allOf": [reference("Other"), {"type": "object"}]});
                schemas["Other"] =
                    json!({"allOf": [reference("VoiceprintRequest"), {"type": "object"}]});
            }
        }
        let error = import_error("complete.json", &document.to_string());
        assert!(
            error.contains("is made of a reference to itself"),
            "{cycle}: {error}"
        );
    }
}
