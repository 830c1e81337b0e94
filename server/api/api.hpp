// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plain request → response (server/message.hpp). docs/api.md lists the routes.
#include <memory>
#include <string>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/message.hpp"
#include "server/publish/signing_key.hpp"
#include "server/store/store.hpp"
#include "server/uploads/uploads.hpp"

namespace server::api {

class Images;

class Api {
public:
    Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
        const publish::SigningKey& key, uploads::Uploads* uploads = nullptr);
    ~Api();
    // Never throws: what goes wrong becomes application/problem+json. Thread-safe, blocking.
    Response handle(const Request& request);

private:
    Response route(const Request& request);
    Response releases(const Request& request) const;
    Response download(const catalog::Artifact& artifact) const;

    const Config& config_;
    catalog::Catalog& catalog_;
    jobs::JobRunner& jobs_;
    const store::Store& store_;
    const publish::SigningKey& key_;
    uploads::Uploads* uploads_;  // may be null: then nothing was uploaded
    std::unique_ptr<Images> images_;
};

}  // namespace server::api
