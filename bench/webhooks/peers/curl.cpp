// SPDX-License-Identifier: BSL-1.0
//
// libcurl's multi interface as its examples drive it from epoll: one easy handle for each
// connection, which curl keeps alive, and a keyed context for the signature. It stores nothing and
// retries nothing.
//
//     webhooks_curl CONNECTIONS MESSAGES PORT...

#include "../message.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace {

void check(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "webhooks_curl: %s\n", what);
    std::exit(1);
}

struct transfer {
    CURL* easy = nullptr;
    curl_slist* fields = nullptr;
    std::string body{};
};

class sender {
 public:
    explicit sender(std::size_t messages)
        : messages_{messages},
          epoll_{::epoll_create1(EPOLL_CLOEXEC)},
          multi_{curl_multi_init()} {
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &sender::watch);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &sender::set_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        // Else it would close what it does not expect to need.
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 256L);
    }

    void add(const std::string& url) {
        auto& t = *transfers_.emplace_back(std::make_unique<transfer>());
        t.easy = curl_easy_init();
        curl_easy_setopt(t.easy, CURLOPT_URL, url.c_str());
        curl_easy_setopt(t.easy, CURLOPT_PRIVATE, &t);
        curl_easy_setopt(t.easy, CURLOPT_USERAGENT, "bench");
        curl_easy_setopt(t.easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t.easy, CURLOPT_WRITEFUNCTION, &sender::ignore);
        curl_easy_setopt(t.easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(t.easy, CURLOPT_TIMEOUT_MS, 20'000L);
        send(t);
    }

    void run() {
        int running = 0;
        std::array<epoll_event, 64> events;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
        while (answered_ < messages_) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_);
            if (count == 0) {
                wait_ = -1;
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            for (int i = 0; i < count; ++i) {
                const auto& event = events[static_cast<std::size_t>(i)];
                const int ready = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                  ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
                curl_multi_socket_action(multi_, event.data.fd, ready, &running);
            }
            finish();
        }
    }

 private:
    static std::size_t ignore(char*, std::size_t size, std::size_t count, void*) {
        return size * count;
    }
    static int set_timer(CURLM*, long wait, void* self) {
        static_cast<sender*>(self)->wait_ = static_cast<int>(wait);
        return 0;
    }
    static int watch(CURL*, curl_socket_t fd, int what, void* self, void* known) {
        auto& s = *static_cast<sender*>(self);
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(s.epoll_, EPOLL_CTL_DEL, fd, nullptr);
            return 0;
        }
        epoll_event event{};
        if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
        if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
        event.data.fd = fd;
        ::epoll_ctl(s.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
        if (known == nullptr) curl_multi_assign(s.multi_, fd, self);
        return 0;
    }

    void send(transfer& t) {
        if (next_ == messages_) return;
        t.body = webhooks::body(next_);
        const auto id = "msg_" + std::to_string(next_++);
        const auto time = std::to_string(std::time(nullptr));
        curl_slist_free_all(t.fields);
        t.fields = curl_slist_append(nullptr, "Content-Type: application/json");
        t.fields = curl_slist_append(t.fields, ("webhook-id: " + id).c_str());
        t.fields = curl_slist_append(t.fields, ("webhook-timestamp: " + time).c_str());
        t.fields = curl_slist_append(
            t.fields, ("webhook-signature: " + signer_.sign(id, time, t.body)).c_str());
        curl_easy_setopt(t.easy, CURLOPT_HTTPHEADER, t.fields);
        curl_easy_setopt(t.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(t.body.size()));
        curl_easy_setopt(t.easy, CURLOPT_POSTFIELDS, t.body.data());
        curl_multi_add_handle(multi_, t.easy);
    }

    void finish() {
        int left = 0;
        while (const CURLMsg* m = curl_multi_info_read(multi_, &left)) {
            transfer* t = nullptr;
            long status = 0;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
            curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
            check(m->data.result == CURLE_OK && status == 200, "a delivery failed");
            ++answered_;
            curl_multi_remove_handle(multi_, t->easy);
            send(*t);
        }
    }

    const std::size_t messages_;
    int epoll_;
    CURLM* multi_;
    std::vector<std::unique_ptr<transfer>> transfers_{};
    webhooks::signer signer_{};
    std::size_t next_ = 0, answered_ = 0;
    int wait_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t connections = std::strtoul(argv[1], nullptr, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    std::puts("sending 1");
    std::fflush(stdout);
    sender all{std::strtoul(argv[2], nullptr, 10)};
    for (int i = 3; i < argc; ++i)
        for (std::size_t n = 0; n < connections; ++n)
            all.add("http://127.0.0.1:" + std::string{argv[i]} + "/hook");
    all.run();
}
