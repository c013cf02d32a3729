/*
 * What uiohook-napi uses of libuv, on POSIX threads. Bun has no libuv: it ends the process at the first call of most of
 * its functions. Names and meanings are those of libuv's threading API (https://docs.libuv.org/en/v1.x/threading.html);
 * what returns an int returns 0 or a negative errno.
 */
#ifndef STINT_UV_H
#define STINT_UV_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef pthread_t uv_thread_t;
typedef pthread_mutex_t uv_mutex_t;
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  int signalled;
} uv_cond_t;
typedef void (*uv_thread_cb)(void *arg);

/* pthread_create wants a function that returns something: what to call instead goes through here. */
struct uv_thread_entry {
  uv_thread_cb run;
  void *arg;
};

static void *uv_thread_enter(void *given) {
  struct uv_thread_entry entry = *(struct uv_thread_entry *)given;
  free(given);
  entry.run(entry.arg);
  return NULL;
}

static inline int uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *arg) {
  struct uv_thread_entry *entry = malloc(sizeof *entry);
  if (entry == NULL) return -ENOMEM;
  entry->run = run;
  entry->arg = arg;
  int failed = pthread_create(thread, NULL, uv_thread_enter, entry);
  if (failed) free(entry);
  return -failed;
}

static inline int uv_thread_join(uv_thread_t *thread) { return -pthread_join(*thread, NULL); }

static inline int uv_mutex_init(uv_mutex_t *mutex) { return -pthread_mutex_init(mutex, NULL); }
static inline void uv_mutex_destroy(uv_mutex_t *mutex) { pthread_mutex_destroy(mutex); }
static inline void uv_mutex_lock(uv_mutex_t *mutex) { pthread_mutex_lock(mutex); }
static inline int uv_mutex_trylock(uv_mutex_t *mutex) { return -pthread_mutex_trylock(mutex); }
static inline void uv_mutex_unlock(uv_mutex_t *mutex) { pthread_mutex_unlock(mutex); }

/*
 * uiohook-napi signals without holding the mutex when it couldn't connect to the display. Where that comes before the
 * wait for it, POSIX forgets it, and the process hangs for ever: so here a signal is kept until it is waited for.
 */
static inline int uv_cond_init(uv_cond_t *cond) {
  cond->signalled = 0;
  int failed = pthread_mutex_init(&cond->mutex, NULL);
  return -(failed ? failed : pthread_cond_init(&cond->cond, NULL));
}

static inline void uv_cond_destroy(uv_cond_t *cond) {
  pthread_cond_destroy(&cond->cond);
  pthread_mutex_destroy(&cond->mutex);
}

static inline void uv_cond_signal(uv_cond_t *cond) {
  pthread_mutex_lock(&cond->mutex);
  cond->signalled = 1;
  pthread_cond_signal(&cond->cond);
  pthread_mutex_unlock(&cond->mutex);
}

static inline void uv_cond_wait(uv_cond_t *cond, uv_mutex_t *mutex) {
  pthread_mutex_unlock(mutex);
  pthread_mutex_lock(&cond->mutex);
  while (!cond->signalled) pthread_cond_wait(&cond->cond, &cond->mutex);
  cond->signalled = 0;
  pthread_mutex_unlock(&cond->mutex);
  pthread_mutex_lock(mutex);
}

#endif
