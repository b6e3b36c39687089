//! The database of a test: a `SQLite` file in the test's folder or, if `cargo xtask test` has
//! started a `PostgreSQL` server, a separate database on it. That server is discarded as a whole,
//! so databases are not dropped.

use std::fmt::Write;
use std::path::Path;

use sqlx::any::install_default_drivers;
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, PgConnection};
use store::database::Database;
use tempfile::TempDir;

/// The variable with the URL of the `PostgreSQL` server for tests.
const POSTGRES: &str = "PPM_EMAIL_TEST_POSTGRES";

/// Returns the URL of this folder's database, which is created if it does not exist.
pub async fn database_url(folder: &Path) -> String {
    match std::env::var(POSTGRES) {
        Ok(server) => postgres_url(&server, folder).await,
        Err(_) => format!("sqlite://{}", folder.join("ppm-email.db").display()),
    }
}

/// Returns this folder's database, which is created if it does not exist.
pub async fn database(folder: &TempDir) -> Database {
    Database::parse(&database_url(folder.path()).await).expect("the URL is understood")
}

/// Opens a connection that bypasses the store.
pub async fn connection(folder: &Path) -> AnyConnection {
    install_default_drivers();
    AnyConnection::connect(&database_url(folder).await).await.expect("the database is there")
}

/// Returns the number of rows of a table.
pub async fn count_rows(folder: &Path, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&mut connection(folder).await).await;
    count.expect("the table is there")
}

/// Makes the database refuse every row of this operation on a table, as a full disk would.
pub async fn refuse(folder: &Path, operation: &str, table: &str) {
    let mut connection = connection(folder).await;
    let trigger = format!("CREATE TRIGGER refusal BEFORE {operation} ON {table}");
    let sql = if is_postgres(&connection) {
        format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
             {trigger} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    } else {
        format!("{trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END")
    };
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the table is there");
}

/// Ends the refusals on a table.
pub async fn stop_refusing(folder: &Path, table: &str) {
    let mut connection = connection(folder).await;
    let of = if is_postgres(&connection) { format!(" ON {table}") } else { String::new() };
    let sql = AssertSqlSafe(format!("DROP TRIGGER refusal{of}"));
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("there is a refusal");
}

fn is_postgres(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
}

/// Inserts a token.
pub async fn put_token(folder: &TempDir, grant_id: &str) {
    sqlx::query(
        "INSERT INTO token (id, grant_id, generation, access, client_auth, obtained_at, expires_at)
         VALUES (1, $1, 0, $2, 'body', 0, 0)",
    )
    .bind(grant_id)
    .bind(&b"nothing"[..])
    .execute(&mut connection(folder.path()).await)
    .await
    .expect("the table is there");
}

/// Reads a setting of the `PostgreSQL` server.
pub async fn postgres_setting(name: &str) -> String {
    let server = std::env::var(POSTGRES).expect("`cargo xtask test` says where it is");
    let mut connection = PgConnection::connect(&server).await.expect("the server is there");
    let setting = sqlx::query_scalar("SELECT current_setting($1)").bind(name);
    setting.fetch_one(&mut connection).await.expect("there is such a setting")
}

/// Creates a database whose name is derived from the folder's and therefore unique.
async fn postgres_url(server: &str, folder: &Path) -> String {
    let mut name = String::from("ppm_");
    for octet in folder.file_name().expect("a folder has a name").as_encoded_bytes() {
        write!(name, "{octet:02x}").expect("a String takes whatever is written to it");
    }
    let mut connection = PgConnection::connect(server).await.expect("the server is there");
    let made = connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await;
    if let Err(error) = made {
        let code = error.as_database_error().and_then(DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42P04"), "it is there already: {error}");
    }
    let (server, _) = server.rsplit_once('/').expect("the URL ends with a database");
    format!("{server}/{name}")
}
