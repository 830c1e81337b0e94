// SPDX-License-Identifier: Apache-2.0
#include "server/catalog/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace server::catalog {
namespace {

void check(int result, sqlite3* db) {
    if ((result & 0xff) == SQLITE_FULL) throw std::system_error(ENOSPC, std::generic_category(), "catalog");
    if (result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE)
        throw std::runtime_error(std::string("catalog: ") + sqlite3_errmsg(db));
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const noexcept {
    sqlite3_close_v2(handle);
}
void Statement::Finalize::operator()(sqlite3_stmt* handle) const noexcept {
    sqlite3_finalize(handle);
}

Database::Database(const std::filesystem::path& file) {
    sqlite3* handle = nullptr;
    const int result = sqlite3_open_v2(file.c_str(), &handle,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
    handle_.reset(handle);
    if (result != SQLITE_OK)
        throw std::runtime_error("catalog: cannot open " + file.string() + ": " + sqlite3_errstr(result));
}

void Database::execute(const char* sql) {
    check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr), handle_.get());
}
int Database::changes() const {
    return sqlite3_changes(handle_.get());
}

Statement::Statement(Database& db, const std::string& sql) : db_(db) {
    sqlite3_stmt* handle = nullptr;
    check(sqlite3_prepare_v2(db.handle(), sql.c_str(), static_cast<int>(sql.size()), &handle, nullptr), db.handle());
    handle_.reset(handle);
}

void Statement::bind_one(int index, std::string_view value) {
    check(sqlite3_bind_text(handle_.get(), index, value.empty() ? "" : value.data(), static_cast<int>(value.size()),
                            SQLITE_TRANSIENT),
          db_.handle());
}
void Statement::bind_one(int index, double value) {
    check(sqlite3_bind_double(handle_.get(), index, value), db_.handle());
}
void Statement::bind_number(int index, std::int64_t value) {
    check(sqlite3_bind_int64(handle_.get(), index, value), db_.handle());
}

bool Statement::step() {
    const int result = sqlite3_step(handle_.get());
    check(result, db_.handle());
    return result == SQLITE_ROW;
}

std::string Statement::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)))
                : std::string();
}
std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(handle_.get(), column);
}
double Statement::real(int column) const {
    return sqlite3_column_double(handle_.get(), column);
}

Transaction::~Transaction() {
    if (open_) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}
void Transaction::commit() {
    db_.execute("COMMIT");
    open_ = false;
}

}  // namespace server::catalog
