//! Query plans in SQLite: what clients and workers ask for often uses an index, however many jobs there are.

use super::Store;
use super::database::{Statement, Write};
use super::sql;

async fn assert_plan(statement: impl Into<Statement>, expected: &[&str]) {
    let store = Store::temporary().await.unwrap();
    assert_eq!(store.database.plan(statement).await, expected);
}

#[tokio::test]
async fn lists_read_one_page_from_an_index() {
    assert_plan(
        sql::POSITION,
        &["SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (id=?)"],
    )
    .await;
    assert_plan(
        sql::LIST,
        &["SEARCH jobs USING INDEX jobs_of_team (team=? AND seq<?)"],
    )
    .await;
    assert_plan(
        sql::LIST_WITH_STATUS,
        &["SEARCH jobs USING INDEX jobs_of_team_by_status (team=? AND status=? AND seq<?)"],
    )
    .await;
}

#[tokio::test]
async fn counts_read_only_an_index() {
    assert_plan(
        sql::COUNT,
        &["SCAN jobs USING COVERING INDEX jobs_by_status"],
    )
    .await;
}

#[tokio::test]
async fn a_result_is_found_by_its_id() {
    assert_plan(
        sql::GET_RESULT,
        &[
            "SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (id=?)",
            "CORRELATED SCALAR SUBQUERY 1",
            "SEARCH output_parts USING INDEX sqlite_autoindex_output_parts_1 (job_id=?)",
        ],
    )
    .await;
}

#[tokio::test]
async fn workers_read_only_the_queue_that_they_claim_from() {
    for (statements, index) in [
        (sql::CLAIM, "SCAN jobs USING INDEX jobs_open"),
        (sql::CLAIM_STORED, "SCAN jobs USING INDEX jobs_stored"),
        (sql::CLAIM_REMOTE, "SCAN jobs USING INDEX jobs_remote"),
    ] {
        assert_plan(statements.can_claim, &[index]).await;
        // In their order: to sort them would take longer the more there are.
        assert_plan(
            statements.claim,
            &[
                "SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)",
                "SCALAR SUBQUERY 1",
                index,
            ],
        )
        .await;
    }
    assert_plan(sql::OLDEST_STORED, &["SCAN jobs USING INDEX jobs_stored"]).await;
    assert_plan(sql::OLDEST_REMOTE, &["SCAN jobs USING INDEX jobs_remote"]).await;
    assert_plan(
        sql::LIST_EXHAUSTED,
        &["SEARCH jobs USING INDEX jobs_by_status (status=?)"],
    )
    .await;
}

#[tokio::test]
async fn the_next_webhook_is_found_in_an_index() {
    let due = "SEARCH deliveries USING COVERING INDEX deliveries_due (due_at<?)";
    assert_plan(sql::CAN_CLAIM_DELIVERY, &[due]).await;
    // In its order.
    assert_plan(
        sql::CLAIM_DELIVERY,
        &[
            "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)",
            "SCALAR SUBQUERY 1",
            due,
        ],
    )
    .await;
    assert_plan(
        sql::NEXT_DELIVERY,
        &["SCAN deliveries USING COVERING INDEX deliveries_due"],
    )
    .await;
}

#[tokio::test]
async fn sweeps_read_only_what_they_delete() {
    let plan = async |statement: Write| {
        let store = Store::temporary().await.unwrap();
        store.database.plan(statement).await.join("; ")
    };
    for (statement, index) in [
        (
            sql::EXPIRE_OUTPUTS,
            "SEARCH jobs USING INDEX jobs_with_output (completed_at<?)",
        ),
        (
            sql::DELETE_JOBS,
            "SEARCH jobs USING INDEX jobs_ended (completed_at<?)",
        ),
        (
            sql::DELETE_STREAMS,
            "SEARCH streams USING COVERING INDEX streams_ended (completed_at<?)",
        ),
    ] {
        let plan = plan(statement).await;
        assert!(
            plan.contains(index) && !plan.contains("SCAN jobs"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn parts_of_outputs_are_found_without_reading_them() {
    let parts = "sqlite_autoindex_output_parts_1";
    assert_plan(
        sql::LIST_UNUSED_PARTS,
        &[
            &format!("SCAN output_parts USING COVERING INDEX {parts}"),
            "SEARCH jobs EXISTS USING INDEX sqlite_autoindex_jobs_1 (id=?)",
        ],
    )
    .await;
    assert_plan(
        sql::DELETE_PARTS,
        &[
            &format!("SEARCH output_parts USING COVERING INDEX {parts} (job_id=? AND part=?)"),
            "LIST SUBQUERY 1",
            &format!("SEARCH oldest USING COVERING INDEX {parts} (job_id=?)"),
            "CREATE BLOOM FILTER",
        ],
    )
    .await;
}
