// SPDX-License-Identifier: Apache-2.0
#pragma once
// SQLite behind three classes: a database, a statement, and a transaction that is undone unless it
// is committed. Errors are std::runtime_error with SQLite's own words.
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace server::catalog {

class Database {
public:
    explicit Database(const std::filesystem::path& file);
    void execute(const char* sql);
    int changes() const;  // rows of the last statement
    sqlite3* handle() const { return handle_.get(); }

private:
    struct Close {
        void operator()(sqlite3* handle) const noexcept;
    };
    std::unique_ptr<sqlite3, Close> handle_;
};

class Statement {
public:
    Statement(Database& db, const std::string& sql);

    template <class... Values>
    void bind(const Values&... values) {
        int index = 0;
        (bind_one(++index, values), ...);
    }
    bool step();  // true: there is a row

    std::string text(int column) const;
    std::int64_t number(int column) const;
    double real(int column) const;

private:
    void bind_one(int index, std::string_view value);
    void bind_one(int index, double value);
    void bind_number(int index, std::int64_t value);
    void bind_one(int index, std::integral auto value) { bind_number(index, static_cast<std::int64_t>(value)); }
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const noexcept;
    };
    Database& db_;
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Transaction {
public:
    explicit Transaction(Database& db) : db_(db) { db_.execute("BEGIN IMMEDIATE"); }
    Transaction(const Transaction&) = delete;
    ~Transaction();
    void commit();

private:
    Database& db_;
    bool open_ = true;
};

}  // namespace server::catalog
