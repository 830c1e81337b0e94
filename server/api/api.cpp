// SPDX-License-Identifier: Apache-2.0
#include "server/api/api.hpp"

#include <span>

#include "server/api/error_response.hpp"
#include "server/api/responses.hpp"
#include "server/api/uploads.hpp"

namespace server::api {
namespace {

Response options() {
    Response response;
    response.status = 204;
    return response;
}

}  // namespace

Api::Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
         const publish::SigningKey& key, uploads::Uploads* uploads, uploads::UploadFolder* incoming)
    : images_(store), service_{config, catalog, jobs, store, key, images_, uploads, incoming} {}

Response Api::handle(const Request& request) {
    const Opening opening = open(request);
    if (!opening.receiver) return opening.response;
    if (const auto enough = opening.receiver->write(std::as_bytes(std::span(request.body)))) return *enough;
    return opening.receiver->end(true);
}

bool Api::streams(std::string_view method, std::string_view target) {
    return (method == "POST" || method == "PATCH" || method == "PUT") &&
           Address(target.substr(0, target.find('?'))).streamed();
}

Opening Api::open(const Request& head) {
    try {
        const Address address(head.path);
        if (address.protocol() == Protocol::tus)
            return speak_tus(head, [&](const std::string& method) { return answer(address, head, method); });
        return answer(address, head, head.method);
    } catch (const std::exception& error) {
        return {nullptr, problem_of(error)};
    }
}

Opening Api::answer(const Address& address, const Request& request, const std::string& method) const {
    const bool asks = method == "OPTIONS", of_all = asks && request.path == "*";
    if (!address.known() && !of_all) return {nullptr, nothing_at(request.path, neighbours(request.path))};
    const std::string allow = of_all ? allow_of_all() : address.allow();
    const Address::Row* row = address.row(method);
    if (!row && !asks) return {nullptr, not_allowed(method, allow)};
    if (row && !access::allowed(request.caller, row->route->permission))
        return {nullptr, problem(403, request.caller.name + " may not " + method + " " + request.path)};
    Opening opening{nullptr, options()};
    if (row) {
        const Call call{service_, request, method, row->named};
        if (const auto* open = std::get_if<Open>(&row->route->function))
            opening = (*open)(call);
        else
            opening.response = std::get<Answer>(row->route->function)(call);
    }
    if (asks) opening.response.headers.emplace_back("Allow", allow);
    return opening;
}

}  // namespace server::api
