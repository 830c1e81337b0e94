// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every address of the service, in one table: method, pattern, permission, function. What a path has besides follows
// from its rows: HEAD where GET is, OPTIONS and 405 with Allow, 404 where no pattern fits. docs/api.md lists the same
// rows, which tests/server/routes_test.cpp compares.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/access/caller.hpp"
#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/images/stored_images.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/message.hpp"
#include "server/publish/signing_key.hpp"
#include "server/store/store.hpp"
#include "server/uploads/upload_folder.hpp"

namespace server::api {

using access::Permission;

// What the functions of the table work with.
struct Service {
    const Config& config;
    catalog::Catalog& catalog;
    jobs::JobRunner& jobs;
    const store::Store& store;
    const publish::SigningKey& key;
    images::StoredImages& images;
    uploads::Uploads* uploads;        // that conversions may name; may be null: then nothing was uploaded
    uploads::UploadFolder* incoming;  // where uploads are brought; may be null: then none can be
};

// The text of each {name} of a pattern.
using Named = std::map<std::string, std::string, std::less<>>;

struct Call {
    const Service& service;
    const Request& request;
    const std::string& method;  // of tus another one than the request's, when X-HTTP-Method-Override says so
    const Named& named;

    // REQUIRES: the row's pattern has {name}.
    const std::string& operator[](std::string_view name) const { return named.find(name)->second; }
};

using Answer = std::function<Response(const Call&)>;
using Open = std::function<Opening(const Call&)>;  // the request's body is streamed: it is called with the head

enum class Protocol { http, tus };  // tus: its headers, versions and methods, see uploads.hpp

struct Route {
    std::string_view method;  // of GET and HEAD: "GET"
    std::string_view
        pattern;  // {name} stands for a segment or a part of one, {name...} for all that is left of the path
    Permission permission;
    std::variant<Answer, Open> function;
    Protocol protocol = Protocol::http;
};

const std::vector<Route>& routes();

// Nothing: the path does not fit. A slash at its end counts for {name...} only.
std::optional<Named> match(std::string_view pattern, std::string_view path);

// What the table has at one path.
class Address {
public:
    struct Row {
        const Route* route;
        Named named;
    };

    explicit Address(std::string_view path);

    bool known() const { return !rows_.empty(); }
    const Row* row(std::string_view method) const;  // null: not this method
    std::string allow() const;                      // as in the header Allow
    bool streamed() const;                          // one of its methods has a streamed body
    Protocol protocol() const;

private:
    std::vector<Row> rows_;
};

std::string allow_of_all();  // every method of the table, for OPTIONS *
// Patterns that differ from the path in the last segment only, or go on by one, for a 404; may be empty.
std::string neighbours(std::string_view path);

}  // namespace server::api
