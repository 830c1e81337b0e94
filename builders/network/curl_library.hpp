// SPDX-License-Identifier: Apache-2.0
#pragma once
// libcurl, loaded when the first transfer begins: it brings 25 more libraries, and most commands ask for none.
#include <curl/curl.h>

#include "formats/base/handle.hpp"

namespace builders::network {

struct CurlLibrary {
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_reset) easy_reset = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;
    decltype(&::curl_url) url = nullptr;
    decltype(&::curl_url_set) url_set = nullptr;
    decltype(&::curl_url_get) url_get = nullptr;
    decltype(&::curl_url_cleanup) url_cleanup = nullptr;
    decltype(&::curl_free) free = nullptr;
};

// Throws std::runtime_error, naming the package, when there is none.
const CurlLibrary& curl();

void end_easy(CURL* easy);
void end_list(curl_slist* list);
void end_url(CURLU* url);
using Easy = formats::Handle<CURL, end_easy>;
using List = formats::Handle<curl_slist, end_list>;
using Url = formats::Handle<CURLU, end_url>;

}  // namespace builders::network
