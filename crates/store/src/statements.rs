//! Statements that run on a connection of the store and on one of a host. sqlx has a type for each,
//! and cannot borrow the second as the first.

use sqlx::any::AnyRow;
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Database, FromRow, PgConnection, Postgres};

/// A value of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Value<'v> {
    Number(i64),
    Text(&'v str),
    Octets(&'v [u8]),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Self {
        Self::Text(text)
    }
}

/// A row of either connection.
pub(crate) trait Fetched:
    for<'row> FromRow<'row, AnyRow> + for<'row> FromRow<'row, PgRow>
{
}

impl<T: for<'row> FromRow<'row, AnyRow> + for<'row> FromRow<'row, PgRow>> Fetched for T {}

/// A connection that runs statements.
pub(crate) trait Statements: Send {
    /// Runs a statement, and returns the number of rows that it has changed.
    fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Runs a statement, and returns its row.
    fn fetch<T: Fetched>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = sqlx::Result<T>> + Send;
}

/// A database that a statement's values are bound for.
trait Binds: Database {
    fn query<'q>(
        sql: &'static str,
        values: &[Value<'q>],
    ) -> Query<'q, Self, <Self as Database>::Arguments>;
}

macro_rules! statements {
    ($connection:ty, $database:ty) => {
        impl Statements for $connection {
            async fn execute(
                &mut self,
                sql: &'static str,
                values: &[Value<'_>],
            ) -> sqlx::Result<u64> {
                Ok(<$database>::query(sql, values).execute(self).await?.rows_affected())
            }

            async fn fetch<T: Fetched>(
                &mut self,
                sql: &'static str,
                values: &[Value<'_>],
            ) -> sqlx::Result<T> {
                T::from_row(&<$database>::query(sql, values).fetch_one(self).await?)
            }
        }

        impl Binds for $database {
            fn query<'q>(
                sql: &'static str,
                values: &[Value<'q>],
            ) -> Query<'q, Self, <Self as Database>::Arguments> {
                values.iter().fold(sqlx::query(sql), |query, value| match *value {
                    Value::Number(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                    Value::Octets(octets) => query.bind(octets),
                })
            }
        }
    };
}

statements!(AnyConnection, Any);
statements!(PgConnection, Postgres);
