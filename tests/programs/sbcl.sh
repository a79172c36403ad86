#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: sbcl:sbcl
# Serves: sbcl
# Runs: hash tables, compilation, foreign memory, garbage collection
set -eu
cat >work.lisp <<'LISP'
(defvar *table* (make-hash-table :test 'equal))
(dotimes (i 200000)
  (push i (gethash (format nil "key~d" (mod (* i 7919) 5003)) *table*)))
(format t "~d ~d~%" (hash-table-count *table*)
        (loop for list being the hash-values of *table* sum (length list)))
(defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(compile 'fib)
(format t "~d~%" (fib 25))
(format t "~d~%" (mod (expt 3 20000) 1000000007))
(let ((alien (loop repeat 5000 for i from 1
                   collect (sb-alien:make-alien sb-alien:char i))))
  (mapc #'sb-alien:free-alien alien)
  (format t "~d~%" (length alien)))
(dotimes (i 300)
  (compile (intern (format nil "GENERATED~d" i)) `(lambda (x) (+ x ,i))))
(format t "~d~%" (funcall 'generated77 1))
(sb-ext:gc :full t)
(format t "~a~%" (with-output-to-string (out)
                   (sb-ext:run-program "/bin/echo" '("child") :output out)))
LISP
sbcl --noinform --non-interactive --no-userinit --load work.lisp
