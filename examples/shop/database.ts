import pg from 'pg';

/** Connects on the first query, so that importing it costs nothing. */
export const database = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
