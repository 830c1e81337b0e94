-- SPDX-License-Identifier: Apache-2.0
-- Portable SQL: PostgreSQL shall take it as it is. Times are RFC 3339 text in UTC, sizes are bytes.
CREATE TABLE job (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    kind      TEXT NOT NULL,
    state     TEXT NOT NULL,
    request   TEXT NOT NULL,
    recipe    TEXT NOT NULL,
    created   TEXT NOT NULL,
    started   TEXT NOT NULL,
    finished  TEXT NOT NULL,
    attempts  INTEGER NOT NULL,
    step      TEXT NOT NULL,
    progress  DOUBLE PRECISION NOT NULL,
    error     TEXT NOT NULL,
    release   TEXT NOT NULL
);
CREATE INDEX job_state ON job (state, number);

CREATE TABLE release (
    number    INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    title     TEXT NOT NULL,
    created   TEXT NOT NULL,
    build     TEXT NOT NULL REFERENCES job (id),
    details   TEXT NOT NULL
);

CREATE TABLE artifact (
    release       TEXT NOT NULL REFERENCES release (name),
    file_name     TEXT NOT NULL,
    format        TEXT NOT NULL,
    size          INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    md5           TEXT NOT NULL,
    image_size    INTEGER NOT NULL,
    image_sha256  TEXT NOT NULL,
    image_md5     TEXT NOT NULL,
    PRIMARY KEY (release, file_name)
);
CREATE INDEX artifact_sha256 ON artifact (sha256);
