-- SPDX-License-Identifier: Apache-2.0
-- Stored recipes.
CREATE TABLE recipe (
    name          TEXT NOT NULL,
    version       INTEGER NOT NULL,
    text          TEXT NOT NULL,
    created       TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    token_sha256  TEXT NOT NULL,
    PRIMARY KEY (name, version)
);
