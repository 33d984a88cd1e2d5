// SPDX-License-Identifier: BSL-1.0
#include "command.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace build {

namespace {

namespace net = boost::asio;

void check(int error, const char* what) {
    if (error != 0)
        throw boost::system::system_error(error, boost::system::system_category(), what);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// In a group of its own, so that what it starts ends with it.
pid_t start(const command& what, const variables& added, int output) {
    auto words = what.words;
    std::vector<std::string> environment;  // of two with one name the first counts
    for (const auto& [name, value] : added) environment.push_back(name + '=' + value);
    for (char** v = environ; *v != nullptr; ++v) environment.emplace_back(*v);

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    check(::posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
    check(::posix_spawnattr_init(&attributes), "posix_spawnattr_init");
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, words.front().c_str(), &actions, &attributes,
                                     pointers(words).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    check(error, words.front().c_str());
    return child;
}

/// The processes of a command. They end with it, unless the command has ended by itself.
class process_group {
 public:
    explicit process_group(pid_t leader) : leader_(leader) {}
    process_group(const process_group&) = delete;
    process_group& operator=(const process_group&) = delete;
    ~process_group() { kill(); }
    void kill() const {
        if (!ended_) ::kill(-leader_, SIGKILL);
    }
    /// Its exit code, once the leader has ended.
    std::optional<int> code() {
        int status = 0;
        if (::waitpid(leader_, &status, WNOHANG) != leader_) return std::nullopt;
        ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

 private:
    const pid_t leader_;
    bool ended_ = false;
};

/// Takes lines out of what arrives in pieces.
class line_splitter {
 public:
    line_splitter(const command& what, std::function<void(std::string)> on_line)
        : max_line_(what.max_line),
          left_(what.max_output),
          on_line_(std::move(on_line)) {}
    void add(std::string_view bytes) {
        for (const char c : bytes) {
            if (c != '\n') line_ += c;
            if (c == '\n' || line_.size() == max_line_) flush();
        }
    }
    void end() {
        if (!line_.empty()) flush();
    }

 private:
    void flush() {
        auto line = std::exchange(line_, {});
        if (left_ == 0) return;
        left_ -= std::min(left_, line.size() + 1);
        on_line_(std::move(line));
        if (left_ == 0) on_line_("(no more output is shown)");
    }

    std::string line_;
    const std::size_t max_line_;
    std::size_t left_;
    const std::function<void(std::string)> on_line_;
};

}  // namespace

net::awaitable<ending> run(const command& what, const variables& added,
                           std::function<void(std::string)> on_line) {
    const auto executor = co_await net::this_coro::executor;
    constexpr auto token = net::as_tuple(net::use_awaitable);
    net::signal_set child_ended(executor, SIGCHLD);  // before it can end
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe2");
    net::posix::stream_descriptor output(executor, ends[0]);
    net::posix::stream_descriptor its_end(executor, ends[1]);
    const auto group = std::make_shared<process_group>(start(what, added, ends[1]));
    its_end.close();

    const auto timed_out = std::make_shared<bool>(false);
    net::steady_timer timeout(executor, what.timeout);
    timeout.async_wait([group, timed_out](boost::system::error_code ec) {
        if (ec) return;
        *timed_out = true;
        group->kill();
    });
    line_splitter lines(what, std::move(on_line));
    for (std::array<char, 4096> bytes;;) {
        const auto [ec, count] = co_await output.async_read_some(net::buffer(bytes), token);
        lines.add({bytes.data(), count});
        if (ec) break;  // the last that could write has ended
    }
    lines.end();

    auto code = group->code();
    for (; !code; code = group->code()) co_await child_ended.async_wait(token);
    co_return ending{*code, *timed_out};
}

}  // namespace build
