/* What x86-64 processors since 2013 have for codes of many lengths: shifts that touch no flags. A function is compiled a second time for
 * them and chosen at run time. FD_PORTABLE: as for any other processor. */
#ifndef FD_BMI2_H
#define FD_BMI2_H

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(FD_PORTABLE)
#define FD_HAVE_BMI2 1
#define FD_TARGET_BMI2 __attribute__((target("bmi2")))
#define FD_INLINE static inline __attribute__((always_inline))
#else
#define FD_HAVE_BMI2 0
#define FD_INLINE static inline
#endif

#endif
