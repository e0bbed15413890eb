-- Times are milliseconds since 1970.

CREATE TABLE documents (
    id      BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    title   TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    created BIGINT  NOT NULL
);

-- The parts of a document: the unit that is embedded and retrieved.
CREATE TABLE passages (
    id       BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    document BIGINT  NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    text     TEXT    NOT NULL
);
CREATE INDEX passages_of_document ON passages (document, id);

CREATE TABLE sessions (
    id        TEXT    PRIMARY KEY,
    created   BIGINT  NOT NULL,
    last_used BIGINT  NOT NULL
);
CREATE INDEX sessions_by_use ON sessions (last_used);

CREATE TABLE answers (
    id       BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    session  TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    question TEXT    NOT NULL,
    text     TEXT    NOT NULL DEFAULT '',
    state    TEXT    NOT NULL CHECK (state IN ('streaming', 'complete', 'shutdown', 'consumer_gone', 'error', 'killed')),
    created  BIGINT  NOT NULL
);
CREATE INDEX answers_of_session ON answers (session, id);

CREATE TABLE jobs (
    id       BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind     TEXT    NOT NULL,
    input    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    -- The results of the completed steps, as JSON.
    progress TEXT    NOT NULL DEFAULT '{}',
    -- The number of attempts, without those that a shutdown interrupted.
    attempts BIGINT  NOT NULL DEFAULT 0,
    -- The result of a completed job, or the error of a failed one.
    result   TEXT,
    created  BIGINT  NOT NULL,
    changed  BIGINT  NOT NULL
);
CREATE INDEX jobs_by_state ON jobs (state, id);
